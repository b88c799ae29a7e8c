"""What a run says of its gradients."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.train.small_runs import train_in

from tidegate.errors import RunFolderError
from tidegate.lens.memory.clipping import clipping
from tidegate.train import Run, load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "one"
    train_in(folder, steps=10, clip=0.2)
    return load_run(folder)


def test_shares_are_those_of_the_reports(run: Run) -> None:
    found = clipping(run)
    assert found.threshold == 0.2
    assert found.steps.tolist() == [4, 8, 10]  # a report every four steps, and one at the end
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    reports = [it for it in lines if it["event"] == "train"]
    np.testing.assert_array_equal(found.shares, [it["clipped_share"] for it in reports])
    np.testing.assert_array_equal(found.norms, [it["gradient_norm"] for it in reports])
    clipped = [round(share * steps) for share, steps in zip(found.shares, (4, 4, 2), strict=True)]
    assert 0 < sum(clipped) <= 10
    assert found.share == pytest.approx(sum(clipped) / 10)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no report of training"),
        ('{"event": "validation", "step": 4}\n', "no report of training"),
        ('{"event": "train", "step": 4, "clipped_share": 0.5}\n', "'gradient_norm' should be of type float"),
        ("not JSON\n", "not whole lines of JSON"),
        ('{"event": "train", "step": 4, "clipped_share": 0.5, "gradient_norm": 1.0}\n' * 2, "out of order"),
    ],
)
def test_altered_files_raise(run: Run, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(content)
    altered = Run(tmp_path, run.config, run.model, run.vocabulary, run.step, run.validation)
    with pytest.raises(RunFolderError, match=message):
        clipping(altered)


def test_a_missing_file_and_a_line_that_is_being_written(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path, run.config, run.model, run.vocabulary, run.step, run.validation)
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl is missing"):
        clipping(other)
    (tmp_path / "metrics.jsonl").write_text(
        '{"event": "train", "step": 4, "clipped_share": 0.5, "gradient_norm": 1.0}\n{"event": "tr'
    )
    assert clipping(other).share == 0.5


def test_reports_are_weighted_by_their_steps(run: Run, tmp_path: Path) -> None:
    made = [
        {"event": "train", "step": step, "clipped_share": share, "gradient_norm": 1.0}
        for step, share in ((4, 0.5), (12, 0.25), (14, 0.0))
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(it) + "\n" for it in made))
    other = Run(tmp_path, run.config, run.model, run.vocabulary, run.step, run.validation)
    assert clipping(other).share == pytest.approx(4 / 14)
