"""Memory and Gates: the page's numbers are the lens', and its curves and maps are there."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.lens.hostile_run import small_run
from tests.serve.conftest import Visit

from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.memory.memory_time import memory_time
from tidegate.lens.record.gates import saturation
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.screens.memory import DECADES, EVERY, STEPS
from tidegate.serve.server import application
from tidegate.train import Run


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_the_triangle_is_the_gradient_flow(client: Any, run: Run):
    text = held_out_text(run, 400)[EVERY : EVERY + STEPS + 1]
    said = client.get(f"/api/flow?start={EVERY}").json()
    flow = gradient_flow(run.model, run.tokenizer, text, targets=range(STEPS))
    assert "".join(said["pieces"]) == text[:-1]
    assert [(it["layer"], it["name"]) for it in said["states"]] == list(flow.norms)
    for it in said["states"]:
        norms, decay = flow.norms[it["layer"], it["name"]], flow.decay(it["layer"], it["name"])
        assert it["curve"] == pytest.approx(flow.curve(it["layer"], it["name"]), rel=1e-3)
        assert (it["rate"], it["r2"]) == pytest.approx((decay.rate, decay.r2), abs=1e-3)
        heights = np.frombuffer(b64decode(it["triangle"]["data"]), np.int8).reshape(norms.shape) / 127
        seen = heights > 0
        expected = np.log10(norms[seen] / norms.max()) / DECADES + 1
        np.testing.assert_allclose(heights[seen], expected, atol=1 / 127)
        assert not heights[np.triu_indices(STEPS, 1)].any()  # what comes later changes nothing


@pytest.mark.parametrize("prepared", [{"tokenizer": "bytes"}, {"tokenizer": "bpe", "vocabulary_size": 260}])
def test_a_triangle_may_begin_within_a_character(tmp_path: Path, prepared: dict[str, Any]):
    run = small_run(tmp_path / "run", "él 字 “x” 本\n" * 300, prepared=prepared, num_layers=1)
    with TextSession([run], "字“x”本é\n" * 9) as session:
        reading, client = session.reading(), TestClient(application(session), base_url="http://127.0.0.1")
        within = next(n for n, piece in enumerate(reading.pieces) if not piece) + 1
        said = client.get(f"/api/flow?start={within}").json()
        assert len(said["pieces"]) == len(said["states"][0]["curve"]) == min(STEPS, len(reading) - within - 1)


@pytest.mark.parametrize("start", [-1, 398, 400, 10_000])
def test_a_triangle_outside_the_text_is_an_error(client: Any, start: int):
    assert client.get(f"/api/flow?start={start}").status_code == 400


def test_gates_are_as_saturated_as_the_lens_says(client: Any, run: Run, session: TextSession):
    said = client.get("/api/gates").json()
    trace = session.reading().trace
    found, times = saturation(trace, run.model.cell), memory_time(trace, run.model.cell)
    assert {(it["layer"], it["name"]) for it in said["squashed"]} == {(k, name) for k in (0, 1) for name in "ifgo"}
    for it in said["squashed"]:
        assert it["high"] == pytest.approx(found.high[it["layer"], 0][it["name"]], abs=1e-3)
        assert it["shares"] == pytest.approx(found.shares((it["layer"], 0), it["name"]), abs=1e-4)
    for it in said["memory"]:
        assert it["steps"] == pytest.approx(times[(it["layer"], 0), it["state"]].steps, abs=1e-2)


def test_memory_follows_the_cursor(address: str, visit: Callable[..., Visit]):
    page = visit(address).open("memory")
    assert page.locator(".heat").count() == 4
    page.focus(".textview")
    page.locator(".unit.marked[data-n='0']").wait_for()
    page.keyboard.press("Control+End")
    page.locator(".unit.marked[data-n='398']").wait_for()
    assert page.locator(".unit.marked[data-n='0']").count() == 0
    page.locator(".heat image").first.hover(position={"x": 3, "y": 100})
    page.locator(".told", has_text="state after").first.wait_for()


def test_gates_show_the_unit_and_let_one_be_picked(address: str, visit: Callable[..., Visit], session: TextSession):
    page = visit(address).open("gates", layer=1, unit=3, at=20)
    values = session.reading().trace[1, 0]
    assert f"f {values['f'][20, 3]:.2f}" in page.inner_text("main .told >> nth=0")
    page.locator("circle").nth(5).dispatch_event("click")
    page.locator("main .told", has_text="unit 1/5").first.wait_for()
