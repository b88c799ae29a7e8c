"""The table of probes."""

import math
from pathlib import Path

import pytest
import torch

from tidegate.data.columns import open_examples
from tidegate.data.samples import probes
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.probe.table import ProbeResult, ProbeTable, probe_table
from tidegate.tasks.probe.task import Probe, ProbeTask
from tidegate.train.run_folder import load_run


def test_the_table_is_rendered_by_problem():
    results = (
        ProbeResult("rnn_tanh", "adding", 10, False, 500, "mean squared error", 0.16543, 1 / 6, 1.0),
        ProbeResult("lstm", "adding", 10, True, 300, "mean squared error", 0.004, 1 / 6, 1.0),
        ProbeResult("lstm", "adding", 50, True, 1400, "mean squared error", 0.004, 1 / 6, 1.0),
    )
    lines = ProbeTable(results, 0, 1500, 64).markdown().splitlines()
    assert lines[2:] == [
        "| cell | lag 10 | lag 50 |",
        "| --- | ---: | ---: |",
        "| rnn_tanh | 0.165 |  |",
        "| lstm | **300** | **1,400** |",
    ]


def test_a_cell_is_trained_until_it_has_solved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "SIZES", {"train": 1500, "validation": 200, "test": 10})
    told: list[ProbeResult] = []
    table = probe_table(
        ["gru", "rnn_tanh"],
        ["brackets"],
        [3],
        steps=400,
        hidden_size=16,
        learning_rate=0.02,
        validate_every=50,
        folder=tmp_path,
        report=told.append,
    )
    assert tuple(told) == table.results
    first = table.results[0]
    assert (first.cell, first.problem, first.lag, first.metric) == ("gru", "brackets", 3, "sequences right")
    assert first.solved
    assert first.steps < 400
    assert first.value >= 0.99
    kept = load_run(tmp_path / "brackets-3-gru")
    assert kept.step == first.steps
    part = open_examples(kept.folder).parts["validation"]
    with torch.inference_mode():
        report = ProbeTask(kept.config.model, kept.vocabulary).measure(kept.model, part)
    assert report.metrics[0].value == first.value
    assert {it.name: it.value for it in report.metrics}["solved"] == 1


def test_a_diverged_run_is_shown_in_the_table(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "SIZES", {"train": 100, "validation": 50, "test": 10})
    nats = ProbeTask.summed_loss

    def diverging(self: ProbeTask, model: Probe, columns: Columns, sampling_probability: float) -> torch.Tensor:
        return nats(self, model, columns, sampling_probability) * (math.nan if self.config.cell == "gru" else 1)

    monkeypatch.setattr(ProbeTask, "summed_loss", diverging)
    table = probe_table(["gru", "lstm"], ["adding"], [10], steps=4, hidden_size=2, validate_every=2)
    first, second = table.results
    assert (first.solved, first.metric, math.isnan(first.value)) == (False, "mean squared error", True)
    assert math.isfinite(second.value)
    assert "| gru | diverged |" in table.markdown()


def test_an_unsolved_problem_is_reported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probes, "SIZES", {"train": 100, "validation": 50, "test": 10})
    (result,) = probe_table(["gru"], ["adding"], [10], steps=4, hidden_size=2, validate_every=2).results
    assert not result.solved
    assert result.steps == 4
    assert result.metric == "mean squared error"
    assert result.value > 0.01
    assert result.baseline == pytest.approx(1 / 6, rel=0.5)


def test_unknown_problems_and_empty_lists_raise():
    with pytest.raises(ArgumentError, match="No problem is called 'x'"):
        probe_table(["gru"], ["x"], [10])
    with pytest.raises(ArgumentError, match="at least one cell"):
        probe_table([], ["adding"], [10])
    with pytest.raises(DataError, match="needs at least 4"):
        probe_table(["gru"], ["adding"], [2])
