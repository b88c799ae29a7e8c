"""The task of probes: its scores on hand-made sequences, batch mates, and problems that are solved or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.columns import Examples
from tidegate.data.samples.probes import adding, reber
from tidegate.data.sources import Sources
from tidegate.errors import DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.probe.task import ProbeConfig, ProbeTask
from tidegate.train import TrainConfig


def prepared(tmp_path: Path, **parts: Any) -> tuple[ProbeTask, Examples]:
    for name, arrays in parts.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
    config = ProbeConfig(hidden_size=4)
    sources = Sources((tmp_path / "train.npz",), (tmp_path / "validation.npz",))
    data = prepare_examples(ProbeTask, sources, config, tmp_path / "run")
    return ProbeTask(config, data.preprocessing, data, TrainConfig()), data


class Says(torch.nn.Module):
    """A model that says what stands in its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return frames


SAYS: Any = Says()


def test_numbers_are_scored_where_they_are_asked(tmp_path: Path):
    frames = np.array([[[9], [1.0], [2.0]], [[3.0], [9], [0]]], np.float32)
    targets = np.array([[np.nan, 1.5, 2.0], [2.0, np.nan, 7.0]], np.float32)
    arrays = {"frames": frames, "targets": targets, "lengths": np.array([3, 2])}
    task, data = prepared(tmp_path, train=arrays, validation=arrays)
    report = task.measure(SAYS, data.parts["validation"])
    first, solved = report.metrics
    mean = (1.5 + 2 + 2) / 3
    assert (first.name, first.higher_is_better, report.predictions) == ("mean squared error", False, 3)
    assert first.value == pytest.approx((0.25 + 0 + 1) / 3)
    assert first.of_baseline == pytest.approx(((1.5 - mean) ** 2 + 2 * (2 - mean) ** 2) / 3)
    assert task.baselines()[0]["always the same"] == pytest.approx(first.of_baseline)
    assert solved.value == 0
    assert task.predictions(data.parts["train"]).tolist() == [2, 1]


def test_a_sequence_is_right_where_all_legal_answers_are_above_the_others(tmp_path: Path):
    said = np.log(np.array([[[0.5, 0.3, 0.2]] * 2, [[0.2, 0.5, 0.3]] * 2, [[0.5, 0.3, 0.2]] * 2], np.float32))
    targets = np.array([[0, 1], [1, -1], [0, 2]])
    legal = np.zeros((3, 2, 3), bool)
    legal[0, 0, 0] = legal[0, 1, :2] = legal[1, 0, 1:] = legal[2, 0, 0] = legal[2, 1, [0, 2]] = True
    arrays = {"frames": said, "targets": targets, "legal": legal}
    task, data = prepared(tmp_path, train=arrays, validation=arrays)
    report = task.measure(SAYS, data.parts["validation"])
    assert report.metrics[0].name == "sequences right"
    assert report.metrics[0].value == pytest.approx(2 / 3)
    assert report.loss == pytest.approx(-np.log([0.5, 0.3, 0.5, 0.5, 0.2]).mean())
    del arrays["legal"]
    task, data = prepared(tmp_path, train=arrays, validation=arrays)
    assert task.measure(SAYS, data.parts["validation"]).metrics[0].value == pytest.approx(1 / 3)


def test_the_baseline_of_adding_is_a_sixth_and_truth_is_solved(tmp_path: Path):
    task, data = prepared(tmp_path, train=adding.generate(10, 3000, 0), validation=adding.generate(10, 3000, 1))
    assert data.preprocessing.numbers("always")[0] == pytest.approx(1, abs=0.03)
    assert task.baselines()[0]["always the same"] == pytest.approx(1 / 6, rel=0.06)
    part = data.parts["validation"]

    class Knows(Says):
        def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return (frames[..., 0] * frames[..., 1]).cumsum(1)[..., None] + 0.09

    knows: Any = Knows()
    assert [m.value for m in task.measure(knows, part).metrics] == [pytest.approx(0.0081, rel=1e-3), 1.0]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_batch_mates_and_padding_change_nothing(tmp_path: Path, cell: str):
    task, data = prepared(tmp_path, train=reber.generate(8, 30, 0), validation=reber.generate(8, 9, 1))
    torch.manual_seed(0)
    model, part = (
        ProbeTask.make_model(ProbeConfig(cell=cell, hidden_size=4), data.preprocessing, None).eval(),
        data.parts["validation"],
    )
    with torch.inference_mode():

        def columns(chosen: list[int]) -> Any:
            return {name: pad(rows) for name, rows in part.rows(chosen).items()}

        every = columns(list(range(9)))
        alone = [task.summed_loss(model, columns([n]), 0.0).item() for n in range(9)]
        assert task.summed_loss(model, every, 0.0).item() == pytest.approx(sum(alone), rel=1e-5)
        together = task.predict(model, every)
        assert together == [task.predict(model, columns([n]))[0] for n in range(9)]
        assert [len(it["answers"]) for it in together] == part.columns["frames"].lengths.tolist()


def test_targets_that_do_not_fit_raise(tmp_path: Path):
    made = adding.generate(5, 4, 0)
    classes = made | {"targets": np.zeros((4, 5), int)}
    with pytest.raises(DataError, match=r"validation\.npz, series 1: 'targets' should be numbers"):
        prepared(tmp_path, train=made, validation=classes)
    with pytest.raises(DataError, match=r"validation\.npz, series 1: class 3 does not occur"):
        prepared(tmp_path, train=classes, validation=classes | {"targets": np.full((4, 5), 3)})
    with pytest.raises(DataError, match=r"train\.npz, series 1: there should be an array 'targets'"):
        prepared(tmp_path, train={"frames": made["frames"]}, validation=made)
    with pytest.raises(DataError, match="has no targets"):
        prepared(tmp_path, train=made | {"targets": np.full((4, 5), np.nan, np.float32)}, validation=made)
