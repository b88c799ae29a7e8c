"""Why: the text is tinted by what mattered for the token that one points at, computed before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import unpacked

from tidegate.lens.predictions.attribution import what_mattered
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens import why as screen
from tidegate.serve.server import application

ASKED = "() => performance.getEntriesByType('resource').filter(it => it.name.includes('at_once')).length"


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_rows_are_what_mattered(client: Any, session: TextSession):
    answer = client.get("/api/at_once", params={"start": 224, "stop": 256}).json()
    rows = unpacked(answer) * np.array(answer["scales"])[:, None]
    run = session.run
    for at in (224, 240, 255):
        made = what_mattered(run.model, run.tokenizer, session.text(0), at).gradient_input
        np.testing.assert_allclose(rows[at - 224], made, atol=abs(made).max() / 127)
    first = client.get("/api/at_once", params={"start": 0, "stop": 32}).json()
    assert first["scales"][0] == 0.0  # nothing is before the first token
    assert not unpacked(first)[0].any()


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (0, screen.BLOCK + 1), (399, 401), (-1, 5)])
def test_no_such_stretch_is_an_error(client: Any, start: int, stop: int):
    answer = client.get("/api/at_once", params={"start": start, "stop": stop})
    assert answer.status_code == 400
    assert "give a stretch of 1 to 32 of the 400 tokens" in answer.json()["error"]


def test_pointing_answers_without_asking(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("why", at=150)
    page.locator(".result h2", has_text="at 150?").wait_for()
    page.locator(".foot", has_text="at 150: gradient × input").wait_for()
    for _ in range(200):  # all that is in view is computed beforehand, 13 blocks of 32 tokens
        if page.evaluate(ASKED) == 13:
            break
        page.wait_for_timeout(25)
    page.wait_for_timeout(100)
    text = page.locator(".textview").first
    text.locator(".unit[data-n='120']").hover()
    page.locator(".foot", has_text="at 120: gradient × input").wait_for()
    page.locator(".unit.asked[data-n='120']").wait_for()
    assert page.evaluate(ASKED) == 13
    run = session.run
    made = what_mattered(run.model, run.tokenizer, session.text(0), 120).gradient_input
    tinted = text.locator(".unit").evaluate_all(
        "all => all.filter(it => it.style.backgroundColor).map(it => Number(it.dataset.n))"
    )
    assert tinted == list(range(120))
    assert f"{abs(made).max():.2g}" in page.inner_text(".foot .scale").replace("−", "-")
    page.mouse.move(5, 5)
    page.locator(".foot", has_text="at 150: gradient × input").wait_for()
    assert page.locator(".unit.asked").count() == 0
    page.focus(".textview >> nth=0")
    page.keyboard.press("ArrowRight")  # before the cursor rests
    page.locator(".foot", has_text="at 151: gradient × input").wait_for()


def test_a_report_has_the_beginning(
    session: TextSession, tmp_path: Path, visit: Callable[..., Visit], monkeypatch: pytest.MonkeyPatch
):
    from tidegate.serve import report

    monkeypatch.setattr(screen, "RECORDED", 64)
    monkeypatch.setattr(screen, "predictions", lambda session, text=0: [])
    monkeypatch.setattr(report, "SCREENS", [it for it in report.SCREENS if it.name in ("read", "why")])
    report.write_report(session, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("why")
    text = page.locator(".textview").first
    text.locator(".unit[data-n='63']").hover()
    page.locator(".foot", has_text="at 63: gradient × input").wait_for()
    text.locator(".unit[data-n='64']").hover()
    page.locator(".foot", has_text="The report has this for the beginning of the text only").wait_for()
