"""Match: the units of a stretch and the other places where they are on, on the page as in the lens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit

from tidegate.lens.hidden_units.pattern_search import matches, select
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.match import stretches
from tidegate.serve.server import application

ANY = {"layer": 1, "name": "c", "before": 0, "after": 0}


@pytest.fixture(scope="module")
def threshold(session: TextSession) -> float:
    """One at which some units are on over steps 33 to 40, and elsewhere but not everywhere."""
    trace = session.reading().trace
    for number in np.arange(-0.1, 0.2, 0.01).round(2):
        units = select(trace, 33, 40, threshold=number, **ANY)
        if len(units) > 1 and len(matches(trace, units, selected=(33, 40), layer=1, threshold=number)) > 2:
            return float(number)
    raise AssertionError("the small model has no such threshold")


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_units_and_matches_are_the_lens(client: Any, session: TextSession, threshold: float):
    said = client.get("/api/matched", params={"start": 33, "stop": 40, "threshold": threshold, **ANY}).json()
    trace = session.reading().trace
    units = select(trace, 33, 40, threshold=np.float64(threshold), **ANY)
    assert sorted(n for n, _ in said["units"]) == units.tolist() != []
    means = trace[1, 0]["c"][33:40].astype(np.float64).mean(0)
    for n, mean in said["units"]:
        assert mean == pytest.approx(means[n], abs=1e-3)
    assert [mean for _, mean in said["units"]] == sorted((mean for _, mean in said["units"]), reverse=True)
    own = matches(trace, units, selected=(33, 40), layer=1, threshold=np.float64(threshold), limit=40)
    assert [tuple(it) for it in said["matches"]] == [tuple(it) for it in own] != []


def test_a_stretch_with_no_unit_has_no_match(client: Any):
    said = client.get("/api/matched", params={"start": 3, "stop": 9, "name": "c", "threshold": 1e6}).json()
    assert said == {"units": [], "matches": []}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("start=5&stop=5&name=c", "give a stretch of at least one of the 400 steps"),
        ("start=5&stop=401&name=c", "give a stretch"),
        ("start=5&stop=9&name=z", "no 'z' in the trace"),
        ("start=5&stop=9&name=c&layer=7", "layer 7"),
        ("start=5&stop=9&name=c&before=-1", "0 or more"),
        ("start=5&stop=9&name=c&threshold=nan", "The threshold is nan: give a finite number"),
        ("start=5&name=c", "stop: Field required"),
    ],
)
def test_an_invalid_stretch_is_an_error(client: Any, question: str, said: str):
    answer = client.get(f"/api/matched?{question}")
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]


def test_suggested_stretches_are_of_their_kind(session: TextSession):
    reading = session.reading()
    found = {it["what"]: "".join(reading.pieces[it["start"] : it["stop"]]) for it in stretches(session)}
    assert set(found) == {"quote", "brackets", "word"}
    assert found["quote"][0] in "'\""
    assert found["brackets"][0] in "([{"
    assert found["word"].isidentifier()


def test_the_page_matches_the_selection(
    address: str, visit: Callable[..., Visit], session: TextSession, threshold: float
):
    page = visit(address).open("match", layer=1, name="c", at=33, end=40)
    page.locator(".unit.marked").first.wait_for()
    assert page.locator(".unit.marked").count() == 7
    for n, value in enumerate((str(threshold), "0", "0")):
        page.fill(f"input[type=number] >> nth={n}", value)
    page.press("input[type=number] >> nth=2", "Tab")
    units = select(session.reading().trace, 33, 40, threshold=np.float64(threshold), **ANY)
    own = matches(session.reading().trace, units, selected=(33, 40), layer=1, threshold=np.float64(threshold), limit=40)
    page.locator("h2", has_text=f"{len(units)} hidden unit").wait_for()
    page.locator("h2", has_text="Where else").wait_for()
    assert page.locator("td mark").count() == len(own)
    last = page.locator(".matches tr.choosable").last
    assert f"{own[-1].shared} of {len(units)}" in last.inner_text()
    last.focus()
    # What they have in common comes later, and underlines in them: the row keeps the focus.
    page.locator("h2", has_text="What they have in common").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**at={own[-1].start}&**")
    # Picking a unit tints the text by it.
    page.locator("section.on tr.choosable").last.click()
    page.locator("main .told", has_text="Tinted by unit 1/").wait_for()
    # Marking by the keyboard asks anew.
    page.focus(".textview")
    page.keyboard.press("Control+Home")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    units = select(session.reading().trace, 0, 4, threshold=np.float64(threshold), **ANY)
    page.locator("h2", has_text=f"{len(units)} hidden unit").locator(
        "code", has_text=session.reading().text[:4]
    ).wait_for()
    assert page.locator(".unit.marked").count() == 4


def test_dragging_marks(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("match")
    page.focus(".textview")
    page.keyboard.press("Control+Home")
    page.wait_for_timeout(100)
    first, last = (page.locator(f".unit[data-n='{n}']").bounding_box() for n in (2, 6))
    page.mouse.move(first["x"] + 2, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(last["x"] + 2, last["y"] + 5, steps=4)
    page.mouse.up()
    page.locator("h2 code", has_text=session.reading().text[2:7].strip()).wait_for()
    assert "at=2&" in page.url
    assert "end=7" in page.url


def test_a_report_has_the_stretches_to_begin_with(report_file: Path, visit: Callable[..., Visit], session: TextSession):
    page = visit(report_file.as_uri(), offline=True).open("match")
    page.locator(".unit.marked").first.wait_for()
    first = stretches(session)[0]
    assert page.locator(".unit.marked").count() == first["stop"] - first["start"]
    page.click(".tries button >> nth=2")
    page.wait_for_timeout(100)
    assert "not in the report" not in page.inner_text("main")
    page.focus(".textview")
    page.keyboard.press("Shift+ArrowRight")
    page.locator("main .told", has_text="The report has the stretches above only").wait_for()
    assert page.locator("input[type=number]").count() == 0
    assert "null" not in page.inner_text("main")
