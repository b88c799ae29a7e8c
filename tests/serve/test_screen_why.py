"""Why: what mattered, on the page as in the lens; and which places are offered to begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit

from tidegate.lens import read
from tidegate.lens.predictions.attribution import what_mattered
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.screens import why as screen
from tidegate.serve.screens.enclosed import Enclosed, enclosed, enclosed_tokens
from tidegate.serve.screens.why import predictions
from tidegate.serve.server import application
from tidegate.train import Run


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    "asked",
    [{"at": 150}, {"at": 1}, {"at": 230, "target": "\n", "baseline": "mean"}, {"at": 7, "erasure": "baseline"}],
)
def test_the_measures_are_the_lens(client: Any, run: Run, asked: dict[str, Any]):
    said = client.get("/api/why", params=asked).json()
    text = held_out_text(run, 400)
    made = what_mattered(run.model, run.tokenizer, text, **{**asked, "window": 200})
    assert said["target"] == asked.get("target", text[asked["at"]])
    assert said["stands"] == (said["target"] == text[asked["at"]])
    assert (said["at"], said["start"]) == (asked["at"], max(0, asked["at"] - 200))
    for name, values in said["measures"].items():
        assert values == pytest.approx(getattr(made, name), abs=1e-4)
    assert said["log_p"] == pytest.approx(made.log_p, abs=1e-4)
    if "target" not in asked:
        log_p = read(run.model, run.tokenizer, text).log_p[asked["at"]]
        assert said["p"] == pytest.approx(np.exp(log_p), abs=1e-4)
    assert len(said["correlations"]) == 3
    for a, b, value in said["correlations"]:
        own = made.rank_correlations()[a, b]
        assert (value is None and np.isnan(own)) or value == pytest.approx(own, abs=1e-3)
    assert said["completeness"] == pytest.approx(made.completeness, abs=1e-5)
    assert said["complete"] == made.complete


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("at=0", "no token before 0"),
        ("at=401", "give 1 to 400"),
        ("at=9&target=ab", "2 tokens, but should be one"),
        ("at=9&baseline=nothing", "baseline: Input should be 'zero' or 'mean'"),
        ("at=9&erasure=mean", "erasure: Input should be 'delete' or 'baseline'"),
        ("at=9&text=99", "There is no text 99"),
    ],
)
def test_an_invalid_question_has_an_error_message(client: Any, question: str, said: str):
    answer = client.get(f"/api/why?{question}")
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]


def test_enclosed_stretches_are_found():
    text = 'f(a, [b]) = "x)" + """d""" # it\'s ) ('
    assert enclosed(text) == [
        Enclosed("]", 5, 7),
        Enclosed(")", 1, 8),
        Enclosed('"', 12, 15),
        Enclosed('"', 19, 23),
    ]
    assert enclosed("") == enclosed(")]") == enclosed("(]") == []
    assert enclosed('and so on."""\nx = [1]\n') == [Enclosed("]", 18, 20)]  # the quotes were opened before the text


def test_positions_are_tokens_of_the_reading(run: Run, session: TextSession):
    reading = session.reading()
    found = enclosed_tokens(reading)
    assert len(found) > 5
    for it in found:
        assert reading.pieces[it.stop] == it.mark
        assert reading.pieces[it.start] in "([{\"'"


def test_predictions_that_are_listed_came_true(session: TextSession, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screen, "MIN_PROBABILITY", 0.02)  # the small model foresees little
    reading = session.reading()
    listed = predictions(session)
    assert 2 <= len(listed) <= screen.MAX_LISTED
    places = sorted(it["at"] for it in listed)
    assert min(np.diff(places)) >= screen.MIN_DISTANCE
    counts = Counter(reading.pieces)
    for it in listed:
        p = float(np.exp(reading.log_p[it["at"]]))
        assert it["p"] == pytest.approx(p, abs=1e-4)
        assert p >= 0.02
        assert it["times"] == pytest.approx(p / (counts[reading.pieces[int(it["at"])]] / len(reading)), abs=0.06)
    closing = [it for it in listed if it["back"] is not None]
    assert 1 <= len(closing) <= screen.MAX_CLOSING
    assert [it["back"] for it in closing] == sorted((it["back"] for it in closing), reverse=True)
    rare = [reading.pieces[it["at"]] for it in listed if it["back"] is None]
    assert len(set(rare)) == len(rare)


def test_the_page_shows_the_measures(address: str, visit: Callable[..., Visit], run: Run):
    page = visit(address).open("why", at=150)
    text = held_out_text(run, 400)
    made = what_mattered(run.model, run.tokenizer, text, 150, window=200)
    page.locator(".result h2", has_text=f"p = {np.exp(made.log_p):.3f}").wait_for()
    correlation = made.rank_correlations()["integrated", "erased"]
    assert f"{correlation:.2f}" in page.inner_text(".result table")
    assert f"{100 * made.completeness:.2f}% complete" in page.inner_text(".result")
    assert page.locator(".three .textview").count() == 3
    page.focus(".three .textview >> nth=0")
    page.keyboard.press("ArrowLeft")
    said = f"integrated gradients {made.integrated[-1]:+.3f}".replace("-", "−")
    page.locator(".result > .told", has_text=said).wait_for()
    # Another target, then another place once the cursor rests.
    page.fill("main input", "(")
    page.click("text=Ask")
    other = what_mattered(run.model, run.tokenizer, text, 150, target="(", window=200)
    page.locator(".result h2", has_text=f"Why not ( at 150? The model gave it p = {np.exp(other.log_p):.3f}").wait_for()
    page.focus(".textview >> nth=0")
    page.keyboard.press("ArrowRight")
    page.locator(".result h2", has_text="at 151?").wait_for()
    assert page.input_value("main input") == ""
    page.focus(".textview >> nth=0")
    page.keyboard.press("Control+Home")
    page.locator("main .told", has_text="There is nothing before the first").wait_for()


def test_the_page_says_when_integrated_gradients_do_not_add_up(
    address: str, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
):
    def rough(*given: Any, **asked: Any) -> Any:
        return what_mattered(*given, **asked | {"steps": 8, "limit": 8})

    there = visit(address)
    page = there.open("why", at=2)
    page.wait_for_selector(".sound, .unsound")
    monkeypatch.setattr(screen, "what_mattered", lambda *given, **asked: _off(rough(*given, **asked)))
    page.select_option("select >> nth=0", "mean")
    page.wait_for_selector(".unsound")
    assert "not within 1%" in page.inner_text(".unsound")


def _off(made: Any) -> Any:
    from dataclasses import replace

    return replace(made, integrated=made.integrated * 1.2, complete=False)


def test_an_invalid_target_shows_an_error(address: str, visit: Callable[..., Visit]):
    there = visit(address)
    page = there.open("why", at=33)
    page.locator(".result h2").first.wait_for()
    page.fill("main input", "ab")
    page.keyboard.press("Enter")
    page.locator("main .wrong", has_text="should be one character").wait_for()
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400


def test_a_report_has_the_listed_predictions(
    session: TextSession, tmp_path: Path, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
):
    from tidegate.serve import report

    monkeypatch.setattr(screen, "MIN_PROBABILITY", 0.02)
    monkeypatch.setattr(screen, "MAX_LISTED", 3)
    monkeypatch.setattr(screen, "MAX_CLOSING", 2)
    monkeypatch.setattr(report, "SCREENS", [it for it in report.SCREENS if it.name in ("read", "why")])
    report.write_report(session, tmp_path / "report.html")
    listed = predictions(session)
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("why")
    page.locator(".result h2", has_text=f"at {listed[0]['at']}?").wait_for()
    page.focus("tr.choosable >> nth=2")
    page.keyboard.press("Enter")
    page.locator(".result h2", has_text=f"at {listed[2]['at']}?").wait_for()
    page.focus(".textview >> nth=0")
    page.keyboard.press("Control+Home")
    page.locator("main .told", has_text="The report has the 3 underlined predictions").wait_for()
    assert page.locator("main .go").count() == 0
    assert "null" not in page.inner_text("main")
