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


def test_a_finding_is_chosen_by_a_click_or_a_key(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("cells")
    row = page.locator("tr.choosable").first
    row.wait_for()
    unit = row.inner_text().split("\t")[1]
    row.focus()
    page.keyboard.press("Enter")
    page.locator(".told", has_text=f"unit {unit.split()[0]} {unit.split()[1]}").first.wait_for()
    page.locator(".unit.holds").first.wait_for()
