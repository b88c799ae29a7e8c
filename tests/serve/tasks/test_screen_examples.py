"""The list of examples: which there are, what can be typed, and tasks without a screen of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.lens.tasks.tiny import tiny_run
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import IMAGE, SHARES, SIZES, Served, looked, no_markup

from tidegate.errors import ArgumentError
from tidegate.lens.session.example_session import MAX_LENGTH, ExampleSession
from tidegate.lens.session.session import Session
from tidegate.serve.report import report
from tidegate.serve.screens.steps import MAX_STEPS, look
from tidegate.serve.server import application
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.probe.task import ProbeConfig, ProbeTask


def test_a_typed_text_is_read_as_by_predict(client: Any, givens: Any) -> None:
    there, run = client("classify"), givens("classify").run
    number = there.post("/api/text", json={"text": "so\ngood"}).json()["text"]
    found = there.get(f"/api/look?text={number}").json()
    assert found["label"] == looked(run, "so good").prediction["label"]
    assert (found["sequences"][0]["read"], found["true_label"]) == (["so", "good"], None)
    assert there.get("/api/examples").json()["names"][number] == "typed: so good"
    count = len(givens("classify").examples)
    for text, said in (("", "nothing to look at"), ("x" * (MAX_LENGTH + 1), "at most 2,000")):
        answer = there.post("/api/text", json={"text": text})
        assert answer.status_code == 400
        assert said in answer.json()["error"]
    assert len(givens("classify").examples) == count
    for name in ("frames", "caption", "forecast"):
        answer = client(name).post("/api/text", json={"text": "so good"})
        assert "reads no text" in answer.json()["error"]


def test_a_run_without_held_out_examples_raises(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n")
    _, run = tiny_run(ClassifyTask, [tmp_path / "a.txt"], ClassifyConfig(**SIZES, level="words"))
    with pytest.raises(ArgumentError, match="give TEXT or --file"):
        ExampleSession(run)


def test_a_probe_has_its_training_only(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", frames=draw.random((12, 7, 2)), targets=draw.random((12, 7)))
    _, run = tiny_run(ProbeTask, [tmp_path / "a.npz"], ProbeConfig(hidden_size=5), shares=SHARES)
    (run.folder / "metrics.jsonl").write_text("")
    there = TestClient(application(Session([run])), base_url="http://127.0.0.1")
    assert [it["name"] for it in there.get("/api/about").json()["screens"]] == ["training"]
    assert "Tidegate" in report(Session([run]))


def test_of_a_long_example_the_beginning_is_shown(tmp_path: Path) -> None:
    long = " ".join(["a", "b"] * (MAX_STEPS // 2 + 5))
    (tmp_path / "a.txt").write_text(f"__label__x {long}\n__label__y b\n" * 2)
    config = ClassifyConfig(**SIZES, level="words", bidirectional=False)
    _, run = tiny_run(ClassifyTask, [tmp_path / "a.txt"], config)
    session = ExampleSession(run, list(ClassifyTask.read(tmp_path / "a.txt", config)))
    found = look(session)
    (sequence,) = found["sequences"]
    assert (sequence["steps"], len(sequence["read"]), len(found["running"][0])) == (
        MAX_STEPS + 10,
        MAX_STEPS,
        MAX_STEPS,
    )


def test_another_text_can_be_typed_and_the_next_chosen(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("classify")
    there = visit(address)
    page = there.open("steps")
    page.click("text=Next")
    page.wait_for_url("**/*text=1*")
    page.click("text=Texts …")
    page.fill("textarea", f"so {IMAGE} good")
    page.click("text=Read it")
    page.locator(".example[aria-current]", has_text="typed: so").wait_for()
    label = looked(session.run, f"so {IMAGE} good").prediction["label"]
    page.locator(".verdict", has_text=f"{label} p =").wait_for()
    no_markup(page)
    page.click("#tab-training")
    page.click("text=Texts …")
    page.fill("textarea", "")
    page.click("text=Read it")
    page.locator("dialog .wrong", has_text="nothing to look at").wait_for()
    typed = page.locator("dialog .seen button", has_text=f"so {IMAGE} good")
    assert f"{len(f'so {IMAGE} good')} characters" in typed.inner_text()
    typed.click()
    page.locator(".example[aria-current]", has_text="typed: so").wait_for()
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400
