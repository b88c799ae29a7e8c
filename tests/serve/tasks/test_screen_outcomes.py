"""Mistakes: the confusion matrix, the worst examples and the list of examples, beside the lens' own numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import Served, every, no_markup, unpacked

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import held_out_outcomes, look_at
from tidegate.serve.screens import outcomes


@every
def test_the_answers_are_those_of_the_lens(client: Any, givens: Any, name: str) -> None:
    found, own = client(name).get("/api/outcomes").json(), held_out_outcomes(givens(name).run)
    assert (found["part"], found["total"], found["answers"]) == ("validation", own.total, own.answers)
    assert found["accuracy"] == (None if own.accuracy is None else pytest.approx(own.accuracy, abs=1e-4))
    for row, it in zip(found["rows"], own.each, strict=True):
        assert row[:4] == [it.number, it.text, it.truth, it.guess]
        assert row[5] == pytest.approx(it.loss, abs=1e-4)
        assert row[6] == (None if it.right is None else int(it.right))


def test_the_cells_of_the_confusion_matrix_are_those_of_the_lens(
    client: Any, givens: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, own = client("tag").get("/api/confusion").json(), held_out_outcomes(givens("tag").run).confusion()
    cells = {(found["labels"][true], found["labels"][guess]): (count, it) for true, guess, count, it in found["cells"]}
    assert cells == {
        (own.labels[true], own.labels[guess]): (cell.count, list(cell.examples))
        for (true, guess), cell in own.cells.items()
    }
    assert found["left_out"] == 0
    monkeypatch.setattr(outcomes, "MAX_LABELS", 2)
    found = client("tag").get("/api/confusion").json()
    assert len(found["labels"]) == 2
    assert found["of"] == len(own.labels)
    assert found["left_out"] + sum(cell[2] for cell in found["cells"]) == own.matrix().sum()


def test_a_cell_opens_its_examples(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("classify")
    own = held_out_outcomes(session.run)
    confusion = own.confusion()
    true, guess = confusion.mistakes()[0]
    page = visit(address).open("outcomes")
    cell = confusion.cells[true, guess]
    page.click(f".confusion tbody tr:nth-child({true + 1}) td:nth-child({guess + 2}) button")
    page.locator("h2", has_text=f"{confusion.labels[true]} taken for {confusion.labels[guess]}").wait_for()
    assert page.locator(".mistakes tbody tr").count() == cell.count
    assert page.locator(".confusion .chosen").inner_text() == str(cell.count)
    page.click(".mistakes tbody tr >> nth=0")
    page.wait_for_url(f"**#steps?text={cell.examples[0]}*")
    page.locator("main[data-ready=steps]").wait_for()
    assert page.locator(".example[aria-current]").get_attribute("data-n") == str(cell.examples[0])
    no_markup(page)


def test_the_list_is_filtered_searched_and_put_in_order(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("classify")
    own = held_out_outcomes(session.run)
    page = visit(address).open("steps")
    numbers = "[...document.querySelectorAll('.example')].map(it => Number(it.dataset.n))"
    page.locator(".example").first.wait_for()
    count = len(own)  # what another test has typed comes after them
    assert page.evaluate(numbers)[:count] == [it.number for it in own.each]
    marks = page.evaluate("[...document.querySelectorAll('.example .mark')].map(it => it.textContent)")
    assert marks[:count] == ["✓right" if it.right else "✗wrong" for it in own.each]
    page.select_option("label:has-text('Show') select", "wrong")
    page.select_option("label:has-text('Order') select", "loss")
    worst = [it.number for it in own.worst(len(own))]
    assert page.evaluate(numbers) == worst
    page.click("text=Next wrong")
    page.wait_for_url(f"**#steps?text={worst[(worst.index(0) + 1) % len(worst)] if 0 in worst else worst[0]}*")
    page.locator(".example").first.wait_for()
    assert page.evaluate(numbers) == worst  # the choice is kept
    page.fill("label:has-text('Find') input", own.each[worst[0]].truth)
    assert page.evaluate(numbers) == [
        n for n in worst if own.each[worst[0]].truth in (own.each[n].truth, own.each[n].guess)
    ]


def test_the_next_wrong_example_is_shown_at_its_wrong_tag(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("tag")
    page = visit(address).open("steps")
    wrong = next(it for it in held_out_outcomes(session.run).each[1:] if not it.right)
    page.click("text=Next wrong")
    page.wait_for_url(f"**#steps?text={wrong.number}*")
    page.locator(".side .judged.miss").wait_for()
    assert page.inner_text(".side code") == wrong.token
    assert page.inner_text(".side p strong") == wrong.guess


@pytest.mark.parametrize("name", ["translate", "forecast"])
def test_the_worst_are_listed_where_answers_are_no_labels(
    served: Served, visit: Callable[..., Visit], name: str
) -> None:
    session, address = served(name)
    page = visit(address, viewport={"width": 390, "height": 800}, color_scheme="dark").open("outcomes")
    worst = held_out_outcomes(session.run).worst(20)
    assert page.locator(".mistakes tbody tr").count() == len(worst)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    no_markup(page)


def test_the_pass_is_made_once_and_in_batches(givens: Callable[[str], ExampleSession], monkeypatch: Any) -> None:
    monkeypatch.setattr("tidegate.lens.tasks.outcomes.one_pass.AT_ONCE", 2)
    session = ExampleSession(givens("classify").run)
    assert session.held_out is not None
    first = session.outcomes()
    assert len(next(first)) == 2
    assert len(next(session.outcomes())) == 2
    whole = session.all_outcomes().each
    assert [it.number for it in whole] == session.held_out.numbers
    monkeypatch.setattr(type(session.held_out), "batch", lambda *_: pytest.fail("tried again"))
    assert session.all_outcomes().each == whole
    assert sum(map(len, first)) == len(whole) - 2


def test_pictures_of_the_examples_are_what_was_read(client: Any, givens: Any) -> None:
    run = givens("frames").run
    found = client("frames").get("/api/thumbnails").json()
    frames = run.open_data().parts["validation"].columns["inputs"]
    assert found["first"] == 0
    np.testing.assert_allclose(unpacked(found["pictures"]), [frames[n] for n in range(len(frames))], atol=1 / 127)
    found = unpacked(client("caption").get("/api/thumbnails").json()["pictures"])
    own = look_at(givens("caption").run, 1)
    np.testing.assert_allclose(found[1], cast(Any, own).image.values[0], atol=1 / 127)
    assert client("tag").get("/api/thumbnails").json()["pictures"] is None
