"""The tour through the screens: what the story says, stop by stop, each on the screen that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Visit

from tidegate.lens.highlights import Bar, Bars, Link, Sample, Section, Sentence
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve import report
from tidegate.serve.screens import highlights
from tidegate.train import Run

AT: dict[str, Any] = {"layer": 1, "name": "c", "unit": 3}
UNIT_LINKS = (Link("See", "cells", **AT), Link("Cut", "cut", **AT), Link("Write", "write", **AT))
SECTIONS = [
    Section("run", "The run", (Sentence("A small model.", lead=True),)),
    Section("story", "What it has learnt", (Sentence("Brackets."),)),
    Section("unit", "Brackets", (Sentence("Unit 3 is high."), Sentence("Without it, worse.")), UNIT_LINKS),
    Section("shared", "Quotes", (Sentence("Unit 4 is low."),), UNIT_LINKS),
    Section("loss", "Its loss", (Bars("Loss", "nats", (Bar("own", 1.0, "own"),)),), (Link("Training", "training"),)),
    Section("memory", "How long", (Sentence("For a while."),), (Link("Memory", "memory"),)),
    Section("sample", "What it writes", (Sample("", "abc"), Sentence("400 characters.")), (Link("Write", "write"),)),
]
# Screens, with a part of what is said there; a report has all but the last.
STOPS = [
    ("read", "A small model."),
    ("cells", "Unit 3 is high."),
    ("cut", "Without it, worse."),
    ("why", "made the model expect the one at the cursor"),
    ("memory", "For a while."),
    ("write", "400 characters."),
]


@pytest.fixture
def told(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextSession]:
    monkeypatch.setattr(highlights, "highlights", lambda session: SECTIONS)
    with TextSession([run], held_out_text(run, 400)) as session:
        yield session


def at_stop(page: Any, n: int, count: int) -> None:
    screen, said = STOPS[n - 1]
    page.wait_for_selector(f"main[data-ready={screen}]")
    page.locator("#tour .number", has_text=f"{n} of {count}").wait_for()
    assert said in page.inner_text("#tour p")


def test_the_tour_goes_through_the_story(told: TextSession, serve: Any, visit: Callable[..., Visit]):
    page = visit(serve(told)).open("highlights")
    assert not page.is_visible("#tour")
    page.click("text=Take the tour: 6 stops")
    for n in range(1, 7):
        at_stop(page, n, 6)
        if n == 1:
            page.focus("#tour a")
        assert page.locator("#tour a", has_text="Previous").count() == (n > 1)
        if n in (2, 3):
            assert page.input_value(".control:has-text('Hidden unit') input") == "3"
            assert page.input_value(".control:has-text('Layer') select") == "1"
        if n < 6:
            assert page.inner_text(":focus") == "Next"  # so the keyboard goes on by Enter
            page.keyboard.press("Enter")
    page.click("#tour >> text=Previous")
    at_stop(page, 5, 6)
    page.go_back()
    at_stop(page, 6, 6)
    page.click("#tour button")
    page.wait_for_selector("#tour", state="hidden")
    assert "tour" not in page.url


def test_one_may_look_elsewhere_and_return(told: TextSession, serve: Any, visit: Callable[..., Visit]):
    page = visit(serve(told)).open("cells", tour=2, unit=3, layer=1)
    at_stop(page, 2, 6)
    page.click("#tab-training")
    page.wait_for_selector("main[data-ready=training]")
    page.locator("#tour", has_text="another screen than that of the tour").wait_for()
    page.click("text=Back to it")
    at_stop(page, 2, 6)
    page.goto(page.url.replace("tour=2", "tour=99"))  # an address may name any number
    page.locator("#tour .number", has_text="6 of 6").wait_for()


@pytest.mark.slow
def test_a_report_has_the_tour_without_writing(
    told: TextSession, tmp_path: Path, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
):
    shown = ("highlights", "read", "cells", "memory")
    monkeypatch.setattr(report, "SCREENS", [it for it in report.SCREENS if it.name in shown])
    monkeypatch.setattr("tidegate.serve.page_data.SCREENS", report.SCREENS)
    report.write_report(told, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("highlights")
    page.click("text=Take the tour: 3 stops")
    page.locator("#tour", has_text="1 of 3").wait_for()
    page.click("#tour >> text=Next")
    page.locator("#tour", has_text="Unit 3 is high.").wait_for()
    page.click("#tour >> text=Next")
    page.locator("#tour", has_text="For a while.").wait_for()
    assert page.locator("#tour a", has_text="Next").count() == 0


def test_a_story_that_cannot_be_told_has_an_error_and_an_end(
    told: TextSession, serve: Any, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
):
    def refuse(session: TextSession) -> Any:
        from tidegate.errors import ArgumentError

        raise ArgumentError("There is no story.")

    monkeypatch.setattr(highlights, "highlights", refuse)
    there = visit(serve(told))
    page = there.open("read", tour=2)
    page.locator("#tour .wrong", has_text="There is no story.").wait_for()
    page.click("text=End the tour")
    page.wait_for_selector("#tour", state="hidden")
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400
