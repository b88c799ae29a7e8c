"""Errors & compare: what explains errors and where runs differ, on the page as in the lens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.lens.hostile_run import HOSTILE, small_run
from tests.serve.conftest import Visit

from tidegate.lens import read
from tidegate.lens.predictions.compare import compare, known_letters
from tidegate.lens.predictions.mistakes import mistakes
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.report import write_report
from tidegate.serve.server import application
from tidegate.text import prepare_corpus
from tidegate.text.model import LanguageModelConfig
from tidegate.train import Run, TrainConfig, load_run, new_run, train


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A smaller model in a folder of the same name."""
    return small_run(tmp_path_factory.mktemp("other") / "hostile", hidden_size=5, cell="gru")


@pytest.fixture(scope="module")
def both(run: Run, other: Run) -> Iterator[TextSession]:
    with TextSession([run, other], held_out_text(run, 400)) as made:
        yield made


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A model of tokens, hardly trained."""
    source = tmp_path_factory.mktemp("tokens") / "text.txt"
    source.write_text(HOSTILE * 60, encoding="utf-8")
    folder = source.with_name("bpe")
    corpus = new_run(folder, lambda to: prepare_corpus([source], to, tokenizer="bpe", vocabulary_size=280))
    settings = TrainConfig(batch_size=2, k1=10, steps=2, warmup_steps=1, validate_every=2, report_every=1)
    train(folder, corpus, LanguageModelConfig(corpus.tokenizer.vocabulary_size, hidden_size=4), settings)
    return load_run(folder)


def test_errors_are_the_lens(client: Any, run: Run):
    said = client.get("/api/mistakes").json()
    reading = read(run.model, run.tokenizer, held_out_text(run, 400))
    made = mistakes(reading, run.tokenizer, run.open_data().train)
    assert {it["name"]: it["removed"] for it in said["classes"]} == made.removed
    assert [it["remaining"] for it in said["classes"]] == pytest.approx(list(made.remaining.values()), abs=1e-5)
    assert len(said["errors"]) == made.errors > 100
    for n, kind, order, p, best in said["errors"]:
        assert (kind, order) == (made.which[n], made.order[n])
        assert p == pytest.approx(np.exp(reading.log_p[n]), abs=1e-4)
        assert p < 0.5
        assert best == run.tokenizer.token_text(int(reading.guesses[n, 0]))
    assert said["note"] is None


def test_errors_of_words_are_the_lens(tmp_path: Any):
    words = small_run(tmp_path / "words", prepared={"tokenizer": "words"}, embedding_size=8)
    with TextSession([words], HOSTILE * 2) as session:
        said = TestClient(application(session), base_url="http://127.0.0.1").get("/api/mistakes").json()
        reading = session.reading(0, 0)
    made = mistakes(reading, words.tokenizer, words.open_data().train)
    assert [(it["name"], it["meaning"]) for it in said["classes"]] == list(
        zip(made.classes, made.meanings, strict=True)
    )
    assert {it["name"]: it["removed"] for it in said["classes"]} == made.removed
    assert [it["loss"] for it in said["classes"]] == pytest.approx(
        [it / reading.loss for it in made.nats.values()], abs=1e-5
    )
    assert "frequent 100" in made.removed


def test_the_comparison_is_the_lens(both: TextSession, run: Run, other: Run):
    said = TestClient(application(both), base_url="http://127.0.0.1").get("/api/compared").json()
    text = held_out_text(run, 400)
    made = compare({str(n): read(it.model, it.tokenizer, text) for n, it in enumerate((run, other))})
    assert said["names"] == ["hostile (1)", "hostile (2)"]
    assert said["nats"] == pytest.approx(list(made.losses.values()), abs=1e-4)
    assert [it[1:4] for it in said["spans"]] == [[it.start, it.stop, it.text] for it in made.spans]
    assert [it[0] for it in said["spans"]] == [1] * len(made.spans)
    assert [it[4] for it in said["spans"]] == pytest.approx([it.difference for it in made.spans], abs=1e-2)
    letters = TestClient(application(both), base_url="http://127.0.0.1").get("/api/letters").json()
    for it, one in zip(letters, (run, other), strict=True):
        known = known_letters(read(one.model, one.tokenizer, text))
        right = [None if np.isnan(share) else share for share in known.right]
        assert it["right"] == pytest.approx(right, abs=1e-4)
        assert it["letters"] == known.letters.tolist()
        among = [None if np.isnan(share) else share for share in known.among_three]
        assert it["among"] == pytest.approx(among, abs=1e-4)


def test_subwords_show_why_there_is_no_breakdown(
    tokens: Run, serve: Callable[[TextSession], str], visit: Callable[..., Visit]
):
    with TextSession([tokens], HOSTILE) as session:
        page = visit(serve(session)).open("errors")
        page.locator("main .told", has_text="this one reads subwords").wait_for()
        page.locator("main .told", has_text="bpe is not among them: the token").wait_for()
        assert not page.query_selector("main .wrong")


def test_texts_that_differ_show_an_error(tmp_path: Any, run: Run):
    source = tmp_path / "short.txt"
    source.write_text("x = def f(a)\n" * 200, encoding="utf-8")
    folder = tmp_path / "short"
    corpus = new_run(folder, lambda to: prepare_corpus([source], to, unknown="drop"))
    settings = TrainConfig(batch_size=2, k1=10, steps=2, warmup_steps=1, validate_every=2, report_every=1)
    train(folder, corpus, LanguageModelConfig(corpus.tokenizer.vocabulary_size, hidden_size=4), settings)
    with TextSession([run, load_run(folder)], held_out_text(run, 400)) as session:
        said = TestClient(application(session), base_url="http://127.0.0.1").get("/api/compared").json()
    assert "did not read the same text" in said["refused"]


def test_the_page_colours_errors_and_filters_them(address: str, visit: Callable[..., Visit], run: Run):
    page = visit(address, viewport={"width": 1280, "height": 4000}).open("errors")
    page.locator("figcaption", has_text="errors in 400 characters").wait_for()
    reading = read(run.model, run.tokenizer, held_out_text(run, 400))
    made = mistakes(reading, run.tokenizer, run.open_data().train)
    page.evaluate("document.querySelector('.textview').style.height = '2000px'")
    # One kind of helper at a time, n-grams at first; the pointer on another shows its errors.
    page.wait_for_timeout(100)
    assert page.locator(".textview .err").count() == made.removed["n-gram"]
    page.hover("text=Punctuation")
    page.wait_for_timeout(100)
    assert page.locator(".textview .err").count() == made.removed["punctuation"]
    page.click(".helpers >> text=All")
    page.locator(f".textview .err >> nth={made.errors - 1}").wait_for()
    assert page.locator(".textview .err").count() == made.errors
    assert f"{made.errors} errors in 400 characters ({made.errors / 4:.1f}%)" in page.inner_text("figcaption")
    chosen = max(range(len(made.classes)), key=lambda n: list(made.removed.values())[n])
    count = made.removed[made.classes[chosen]]
    page.focus(f"tr.choosable >> nth={chosen}")
    page.keyboard.press("Enter")
    page.locator(f"tr.choosable.chosen .wraps:text-is('{made.meanings[chosen]}')").wait_for()
    page.wait_for_timeout(100)
    assert page.locator(".textview .err").count() == count < made.errors
    page.click("text=Next error")
    assert f"helper={made.classes[chosen].replace(' ', '+')}" in page.url
    first = next(int(n) for n in np.flatnonzero(made.which == chosen) if n > 0)
    assert f"at={first}" in page.url
    assert f"p = {np.exp(reading.log_p[first]):.3f}" in page.inner_text("section .told >> nth=0")
    page.reload()  # the address restores what is shown
    page.locator(f"tr.choosable.chosen .wraps:text-is('{made.meanings[chosen]}')").wait_for()


def test_the_page_compares(
    both: TextSession, serve: Callable[[TextSession], str], visit: Callable[..., Visit], run: Run
):
    page = visit(serve(both)).open("errors")
    page.locator("h2", has_text="Where the runs differ").wait_for()
    section = page.locator("main section section").nth(1)
    texts = {f"hostile ({n})": both.reading(0, n - 1) for n in (1, 2)}
    made = compare(texts)
    for value in made.losses.values():
        assert f"{value:.3f}" in section.inner_text()
    section.locator("tr.choosable").first.click()
    span = made.spans[0]
    section.locator(".unit.marked").first.wait_for()
    assert section.locator(".unit.marked").count() == span.stop - span.start
    difference = f"{made.difference[1, span.start]:+.1f}".replace("-", "−")
    assert difference[0] + difference[1] in section.locator("p.told").first.inner_text()
    page.select_option("select >> nth=0", "1")
    page.locator("figcaption", has_text="errors in 400").wait_for()


def test_a_report_of_two_runs_compares(both: TextSession, tmp_path: Any, visit: Callable[..., Visit], monkeypatch: Any):
    from tidegate.serve import report

    monkeypatch.setattr(report, "SCREENS", [it for it in report.SCREENS if it.name in ("read", "errors")])
    write_report(both, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("errors")
    page.locator("h2", has_text="Where the runs differ").wait_for()
    page.locator("figcaption", has_text="errors in 400").wait_for()
    page.select_option("select >> nth=0", "1")
    page.locator("figcaption", has_text="errors in 400").wait_for()
    assert not page.query_selector("main .wrong")
