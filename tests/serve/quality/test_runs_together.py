"""Several runs on one text: Read and Why show them one below the other, with one cursor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lens.hostile_run import small_run
from tests.serve.conftest import Visit
from tests.serve.quality.tour import Tour

from tidegate.errors import ArgumentError
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.screens.why import at_once
from tidegate.train import Run

Start = Callable[[str], Tour]
LINE = "one two three four five six seven eight nine ten eleven twelve\n"
WORDS = LINE * 40


def answer(page: Any, question: str) -> Any:
    return page.evaluate("async (it) => (await fetch(`/api/${it}`)).json()", question)


def chosen(page: Any) -> list[int]:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return [int(it.get_attribute("data-n")) for it in page.locator(".unit.cursor").all()]


def test_read_shows_what_each_run_expected(tour: Start) -> None:
    there = tour("lm")
    page = there.open("read", at=9)
    there.settle()
    assert page.locator(".textview").count() == 2
    page.focus(".textview >> nth=1")
    page.keyboard.press("ArrowRight")
    there.settle()
    assert chosen(page) == [10, 10]
    assert "at=10" in page.url
    shown = page.locator(".side p:has-text('surprise')").all_inner_texts()
    for run, said in enumerate(shown):
        (nats,) = answer(page, f"guesses?start=10&stop=11&text=0&run={run}")["nats"]
        assert f"surprise {nats:.2f} nats" in said
    assert shown[0] != shown[1]
    page.check("label.switch input")
    page.locator(".textview").nth(1).locator(".column .below").first.wait_for()
    page.uncheck("label.switch input")


def test_why_tints_each_by_its_own_measure(tour: Start) -> None:
    there = tour("lm")
    page = there.open("why", at=150)
    there.settle()
    feet = page.locator(".foot")
    feet.nth(1).locator(".scale").wait_for()
    assert page.locator(".beside .textview").count() == 2
    page.locator(".beside .textview >> nth=1 >> .unit[data-n='120']").hover()
    for run in (0, 1):
        feet.nth(run).filter(has_text="at 120: gradient × input").wait_for()
        assert page.locator(f".beside .textview >> nth={run} >> .unit.asked").get_attribute("data-n") == "120"
        top = answer(page, f"at_once?start=96&stop=128&text=0&run={run}")["scales"][120 - 96]
        assert f"{top:.2g}" in feet.nth(run).inner_text()
    page.locator(".beside .textview >> nth=1 >> .unit[data-n='120']").click()
    assert chosen(page)[:2] == [120, 120]
    page.mouse.move(5, 5)


def test_memory_has_the_curves_of_all_runs(tour: Start) -> None:
    there = tour("lm")
    page = there.open("memory")
    there.settle()
    rows = page.locator(".columns tbody tr")
    labels = [it.split("\t")[0].strip() for it in rows.all_inner_texts()]
    assert labels == [
        *(f"hostile: {name}, layer {layer}" for layer in (0, 1) for name in ("h", "c")),
        *(f"another: h, layer {layer}" for layer in (0, 1)),
    ]
    first = answer(page, "flow?start=0&text=0&run=1")["states"][0]
    assert f"after {first['half_life']:.1f} steps" in rows.nth(4).inner_text()
    assert "another: h, layer 1" in page.locator(".columns .plot").get_attribute("aria-label")


def test_views_scroll_together(tour: Start) -> None:
    there = tour("lm")
    there.open("training")
    there.page.set_viewport_size({"width": 390, "height": 900})  # so that there is more than fits
    page = there.open("why", at=5)
    there.settle()
    page.locator(".beside .textview >> nth=0").evaluate("it => { it.scrollTop = 44; }")
    there.settle()
    assert page.locator(".beside .textview").evaluate_all("all => all.map((it) => it.scrollTop)") == [44, 44]
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_quickest_measure_is_of_the_run_that_is_meant(run: Run) -> None:
    with TextSession([run, run], held_out_text(run, 400)) as session:
        assert at_once(session, 64, 96, run=1) == at_once(session, 64, 96)
        with pytest.raises(ArgumentError, match="There is no run 2"):
            at_once(session, 64, 96, run=2)


@pytest.mark.slow
def test_runs_with_other_tokens_are_at_the_same_place(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[TextSession], str]
) -> None:
    words = small_run(tmp_path / "words", WORDS, prepared={"tokenizer": "words"})
    characters = small_run(tmp_path / "characters", WORDS)
    with TextSession([words, characters], LINE * 4) as session:
        page = visit(serve(session)).open("read", at=3)
        starts = np.cumsum([0, *map(len, session.reading().pieces)])
        assert chosen(page) == [3, starts[3]]
        page.focus(".textview >> nth=1")
        page.keyboard.press("ArrowRight")
        assert chosen(page) == [3, starts[3] + 1]
        assert "at=3" in page.url


@pytest.mark.slow
def test_a_run_that_does_not_know_the_text_has_a_reason(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[TextSession], str], run: Run
) -> None:
    other = small_run(tmp_path / "other", WORDS)
    with TextSession([run, other], held_out_text(run, 400)) as session:
        there = visit(serve(session))
        page = there.open("read")
        page.locator(".told", has_text="other cannot be shown beside it: ").wait_for()
        assert page.locator(".textview").count() == 1
        there.faults.clear()  # the browser itself notes every answer of 400
