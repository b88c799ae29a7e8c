"""Cells: the finder's results on the page are the finder's."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit

from tidegate.lens.hidden_units.detectors import pattern
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.safe_regex import in_matches
from tidegate.serve.screens.cells import SEARCHED
from tidegate.serve.server import application
from tidegate.train import Run


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_findings_are_those_of_the_lens(client: Any, run: Run):
    said = client.get("/api/found").json()
    findings = find_cells(run.model, run.tokenizer, held_out_text(run, SEARCHED))
    assert {it["detector"]: it["said"] for it in said["found"]} == {k: str(it) for k, it in findings.found.items()}
    assert said["absent"] == list(findings.absent)
    scores = [it["score"] for it in said["found"] if it["kind"] == "yes/no"]
    assert scores == sorted(scores, reverse=True)


def test_a_pattern_of_ones_own_is_sought(client: Any):
    (only,) = client.get("/api/found", params={"pattern": "return"}).json()["found"]
    assert only["detector"] == "return"
    assert only["detectors"] == 1
    answer = client.get("/api/found", params={"pattern": "re(turn"})
    assert (answer.status_code, "re(turn" in answer.json()["error"]) == (400, True)


def test_a_pattern_without_end_is_ended(client: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tidegate.serve.safe_regex.SECONDS", 0.5)
    began = monotonic()
    answer = client.get("/api/found", params={"pattern": "(.|..)+\\Z(?!)"})
    assert monotonic() - began < 20
    assert (answer.status_code, "more than 0.5 seconds" in answer.json()["error"]) == (400, True)
    answer = client.get("/api/found", params={"pattern": "x" * 1001})
    assert (answer.status_code, "at most 1,000" in answer.json()["error"]) == (400, True)


def test_a_pattern_is_sought_as_the_lens_does():
    text = "aa é\nab \ud800 x" * 3
    for regex in ("a+", "é|b", r"\w*", "(?s)a.*?x", "z"):
        np.testing.assert_array_equal(in_matches(regex, text), pattern("it", regex)(text) > 0)


def test_where_a_detector_holds(client: Any, run: Run):
    text = held_out_text(run, 400)
    said = client.get("/api/holds", params={"detector": "digit"}).json()
    assert [bool(it) for it in said["values"]] == [it.isdigit() for it in text]
    assert client.get("/api/holds", params={"detector": "nonsense"}).status_code == 400


def test_the_page_opens_on_the_best_finding_and_marks_it(
    address: str, visit: Callable[..., Visit], session: TextSession, client: Any
):
    found = client.get("/api/found").json()["found"]
    assert all(it["holds"] == (it["score"] >= it["control"] + 0.05) for it in found)
    ordered = [it for it in found if it["holds"]] + [it for it in found if not it["holds"]]
    best = ordered[0]
    assert best["holds"]
    page = visit(address).open("cells")
    unit = f"{best['layer']}/{best['unit']} {best['name']}"
    row = page.locator("tr.chosen")
    row.wait_for()
    assert row.count() == 1
    assert (best["detector"], unit) == (
        row.locator("td >> nth=0").inner_text(),
        row.locator("td >> nth=1").inner_text()[: len(unit)],
    )
    page.locator(".told", has_text=f"unit {unit} after").wait_for()
    page.locator(".unit.holds").first.wait_for()
    assert client.get("/api/about").json()["best"] == {key: best[key] for key in ("layer", "name", "unit")}
    assert page.locator("tbody.rest tr.choosable").count() == sum(not it["holds"] for it in found)
    # Another row is chosen by a key; its address opens on it again.
    other = page.locator("tr.choosable").last
    shown = other.locator("td >> nth=1").inner_text()
    other.focus()
    page.keyboard.press("Enter")
    page.locator("tr.chosen td >> nth=1", has_text=shown).wait_for()
    page.reload()
    page.locator("tr.chosen td >> nth=1", has_text=shown).wait_for()
