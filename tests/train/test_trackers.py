"""Logs in other programs: what they get, and that a resumed run goes on in its log."""

import json
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.train.small_runs import CONFIG, corpus_in, model_for

from tidegate.errors import ArgumentError, MissingDependencyError, RunFolderError, TrainingError
from tidegate.train import Started, claim_folder, ignore, resume, train
from tidegate.train.listing.metrics_table import read_metrics
from tidegate.train.trackers.tracked import tracked
from tidegate.train.trackers.tracker import TRACKER_NAMES


def logged(folder: Path, *names: str, **hooks: Any) -> None:
    corpus = corpus_in(folder)
    config = replace(CONFIG, steps=6, validate_every=3, report_every=2)
    train(folder, corpus, model_for(corpus), config, trackers=names, **hooks)


class StandIn:
    """What Tidegate uses of the package wandb; ``offline`` or refusing."""

    __spec__ = ModuleSpec("wandb", None)  # accelerate looks whether there is one
    Settings = SimpleNamespace
    Error = type("Error", (Exception,), {})

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses, self.begun, self.logged, self.ended = refuses, [], [], []
        self.offline, self.url, self.dir = True, None, "there/files"

    def init(self, **about: Any) -> Any:
        if self.refuses:
            raise self.Error("No API key configured.")
        self.begun.append(about)
        return self

    def log(self, values: dict[str, float], step: int) -> None:
        self.logged.append((step, values))

    def finish(self, exit_code: int) -> None:
        self.ended.append(exit_code)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", made)  # type: ignore[arg-type]
    return made


def test_a_tracker_gets_what_the_table_of_metrics_has(tmp_path: Path, wandb: StandIn) -> None:
    notes: list[str] = []
    run = tmp_path / "run"
    logged(run, "wandb", report=lambda event: notes.extend(event.notes if isinstance(event, Started) else ()))
    assert "logged for Weights & Biases, offline: wandb sync there" in notes
    rows = read_metrics(run)
    assert [step for step, _ in wandb.logged] == [row["step"] for row in rows]
    for (_, values), row in zip(wandb.logged, rows, strict=True):
        for name, value in values.items():
            part, _, called = name.partition("/")
            assert part == row["event"]
            if called != "epoch":  # the table's progress is that of the budget
                assert value == row[called], name
    assert wandb.begun[0]["config"]["model"]["hidden_size"] == 8
    assert wandb.begun[0]["config"] == json.loads((run / "config.json").read_text())
    assert wandb.ended == [0]


def test_a_resumed_run_goes_on_in_its_log_and_a_new_one_has_its_own(tmp_path: Path, wandb: StandIn) -> None:
    run = tmp_path / "run"
    logged(run, "wandb")
    resume(run, steps=8)
    assert wandb.begun[0]["id"] == wandb.begun[1]["id"]
    assert wandb.begun[1]["resume"] == "allow"
    assert wandb.logged[-1][0] == 8
    claim_folder(run, overwrite=True)
    logged(run, "wandb")
    assert wandb.begun[2]["id"] != wandb.begun[0]["id"]


def test_an_error_ends_the_log_as_failed(tmp_path: Path, wandb: StandIn) -> None:
    def fails(model: Any) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        logged(tmp_path / "run", "wandb", sample=fails)
    assert wandb.ended == [1]


def test_what_cannot_be_logged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="choose from tensorboard, wandb"):
        logged(tmp_path / "a", "tensorbord")
    for name in TRACKER_NAMES:
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, name, None)
            with pytest.raises(MissingDependencyError, match=f"pip install '?{name}"):
                logged(tmp_path / name, name)
    monkeypatch.setitem(sys.modules, "wandb", StandIn(refuses=True))  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=r"No API key configured.*WANDB_MODE=offline"):
        logged(tmp_path / "b", "wandb")


@pytest.mark.parametrize(
    "known", ['{"other": {}}', '{"wandb": []}', '{"wandb": {"id": 3}}', '{"wandb": {"id": "../x"}}']
)
def test_altered_names_of_logs_are_refused(tmp_path: Path, wandb: StandIn, known: str) -> None:
    text = '{"format": "tidegate trackers", "version": 1, "trackers": ' + known + "}"
    (tmp_path / "trackers.json").write_text(text)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(RunFolderError), tracked(tmp_path, [], ignore) as passed_on:
        passed_on(Started(3, 6, 2, 1, "character", "nats per character", {}, "90/10", 1, "cpu"))


def test_tensorboard_reads_the_log_of_a_run_that_was_resumed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-not-found]

    run = tmp_path / "run"
    logged(run, "tensorboard")
    resume(run, steps=8)
    log = EventAccumulator(str(run))
    log.Reload()
    validations = [(row["step"], np.float32(row["loss"])) for row in read_metrics(run) if row["event"] == "validation"]
    assert [(it.step, it.value) for it in log.Scalars("validation/loss")] == validations
    steps = [it.step for it in log.Scalars("train/gradient_norm")]
    assert steps == [row["step"] for row in read_metrics(run) if row["event"] == "train"]
    assert log.Tags()["tensors"] == ["settings/text_summary"]
