"""Match: the threshold that is dragged over the values of all hidden units, and what the matches have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import unpacked

from tidegate.lens.hidden_units.detectors import DETECTORS, per_token
from tidegate.lens.hidden_units.pattern_search import matches, select
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.match import AROUND, MAX_CURVES, curves, in_common, stretches
from tidegate.serve.server import application

AT: dict[str, Any] = {"start": 33, "stop": 40, "layer": 1, "name": "c"}


def on(session: TextSession, threshold: float) -> set[int]:
    where = {"layer": 1, "name": "c", "before": 0, "after": 0}
    return set(select(session.reading().trace, 33, 40, threshold=threshold, **where).tolist())


def coloured(page: Any) -> int:
    return page.locator(".on .unit-curve").count()


def test_curves_are_the_trace_around_the_stretch(session: TextSession):
    answer = curves(session, **AT)
    values = session.reading().trace[1, 0]["c"][33 - AROUND : 40 + AROUND]
    assert answer["start"] == 33 - AROUND
    np.testing.assert_allclose(unpacked(answer), values, atol=answer["scale"] / 127)
    at_the_end = curves(session, 396, 400, "c")
    assert (at_the_end["start"], at_the_end["shape"][0]) == (396 - AROUND, 4 + AROUND)


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (-1, 3), (0, MAX_CURVES + 1), (399, 402)])
def test_curves_of_no_such_stretch_are_an_error(session: TextSession, start: int, stop: int):
    there = TestClient(application(session), base_url="http://127.0.0.1")
    answer = there.get("/api/curves", params={**AT, "start": start, "stop": stop})
    assert answer.status_code == 400
    assert "give a stretch of 1 to 200 steps within 0 to 400" in answer.json()["error"]


def test_shares_are_counted_from_the_detectors_and_the_matches(session: TextSession):
    options = {"threshold": -0.1, "before": 0, "after": 0}
    answer = in_common(session, **AT, **options, pattern="[def]+")
    reading = session.reading()
    units = select(reading.trace, 33, 40, layer=1, **options)
    found = matches(reading.trace, units, selected=(33, 40), layer=1, threshold=-0.1, limit=40)
    inside = [n for it in found for n in range(it.start, it.stop)]
    assert (answer["matches"], answer["steps"]) == (len(found), len(inside))
    rows = {name: shares for name, *shares in answer["rows"]}
    assert set(rows) == {it.name for it in DETECTORS.values() if it.kind == "yes/no"} | {"/[def]+/"}
    own = np.array([it in "def" for it in reading.text])
    for name, shares in rows.items():
        holds = own if name == "/[def]+/" else per_token(DETECTORS[name], reading.pieces) == 1
        expected = [holds[33:40].mean(), holds[inside].mean(), holds.mean()]
        assert shares == pytest.approx(expected, abs=1e-4), name
    differences = [abs(it[2] - it[3]) for it in answer["rows"]]
    assert differences == sorted(differences, reverse=True)


def test_a_pattern_with_the_name_of_a_detector_is_a_pattern(session: TextSession):
    in_common(session, **AT)
    rows = {it[0]: it[1:] for it in in_common(session, **AT, pattern="bracket")["rows"]}
    assert rows["/bracket/"][2] == 0.0  # the text does not have the word
    assert rows["bracket"][2] > 0


def test_the_threshold_is_dragged_and_moved_by_keys(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("match", layer=1, name="c", at=33, end=40, threshold=0, before=0, after=0)
    page.locator("h2", has_text=f"{len(on(session, 0.0))} hidden unit").wait_for()
    assert coloured(page) == len(on(session, 0.0))
    slider = page.get_by_role("slider", name="Threshold")
    box = slider.locator("line").bounding_box()
    x, y = box["x"] + 100, box["y"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=5)
    between = float(page.input_value(".control:has-text('On means') input"))
    assert between > 0
    page.locator("h2", has_text=f"{len(on(session, between))} hidden unit").wait_for()
    assert "threshold=0&" in page.url  # it is in the address once it is released
    page.mouse.up()
    page.wait_for_url(f"**threshold={between}*")
    page.keyboard.press("Home")
    lowest = float(slider.get_attribute("aria-valuenow"))
    assert lowest == float(slider.get_attribute("aria-valuemin")) < 0
    page.locator("h2", has_text=f"{len(on(session, lowest))} hidden unit").wait_for()
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    assert float(slider.get_attribute("aria-valuenow")) > lowest
    # The field moves the line.
    page.fill(".control:has-text('On means') input", "0")
    page.press(".control:has-text('On means') input", "Tab")
    page.locator("h2", has_text=f"{len(on(session, 0.0))} hidden unit").wait_for()
    assert slider.get_attribute("aria-valuenow") == "0"
    assert coloured(page) == len(on(session, 0.0))


def test_a_property_is_underlined_in_the_matches(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("match", layer=1, name="c", at=33, end=40, threshold=-0.1, before=0, after=0)
    page.fill("[aria-label='A regular expression']", "[a-z]")
    page.click("text=Add it")
    page.click(".common tr.choosable:has-text('/[a-z]/')")
    page.locator("td mark u").first.wait_for()
    assert all(it.isalpha() and it.islower() for it in page.locator("td mark u").all_inner_texts())
    page.reload()
    page.locator("td mark u").first.wait_for()
    assert page.locator(".common tr.chosen").inner_text().startswith("/[a-z]/")


def test_a_report_has_curves_without_a_slider(report_file: Path, visit: Callable[..., Visit], session: TextSession):
    page = visit(report_file.as_uri(), offline=True).open("match")
    first = stretches(session)[0]
    assert page.locator(".unit-curve").count() == 12
    assert page.locator(".textview .marked").count() == first["stop"] - first["start"]
    assert page.get_by_role("slider").count() == 0
    assert page.locator(".threshold text").text_content() == "≥ 0.3"
