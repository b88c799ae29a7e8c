"""What every task's run must stand: interrupted or killed at any moment, it is the run never interrupted."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.train.small_runs import assert_same_run, lines
from tests.train.task_runs import TASKS, run

from tidegate.data.buckets import pad
from tidegate.errors import RunFolderError
from tidegate.tasks.base_task import example_task
from tidegate.train import load_run, resume
from tidegate.train.registry import BUILT_IN


class StopError(Exception):
    """Raised in the middle of a run."""


def test_every_task_is_here() -> None:
    assert set(TASKS) == set(BUILT_IN) - {"lm"}


@pytest.mark.parametrize("name", TASKS)
def test_a_resumed_run_is_the_run_never_interrupted(tmp_path: Path, name: str) -> None:
    run(name, tmp_path / "whole")

    def stop(event: Any) -> None:
        if event.step >= 13:
            raise StopError

    with pytest.raises(StopError):
        run(name, tmp_path / "cut", report=stop)
    run(name, tmp_path / "cut")
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
    assert any(line["event"] == "validation" and line["metrics"] for line in lines(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_a_killed_run_is_the_run_never_killed(tmp_path: Path, name: str) -> None:
    run(name, tmp_path / "whole", steps=60)
    began = time.monotonic()  # of a second run: the first one compiled kernels, which the others find
    run(name, tmp_path / "again", steps=60)
    seconds = time.monotonic() - began
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tidegate.train", "accelerate"])
    draw, killed = random.Random(0), 0
    while True:
        process = context.Process(target=child, args=(name, tmp_path / "cut"))
        process.start()
        process.join(draw.uniform(0.0, 0.7 * seconds) if killed < 6 else None)
        if process.exitcode is not None:
            break
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += 1
    assert process.exitcode == 0
    assert killed, "the run must have been killed"
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


def child(name: str, folder: Path) -> None:
    torch.set_num_threads(1)
    if folder.exists() and not (folder / "config.json").exists():
        for path in sorted(folder.rglob("*"), reverse=True):  # killed before there was a run
            path.rmdir() if path.is_dir() else path.unlink()
    run(name, folder, steps=60)


@pytest.mark.parametrize("name", TASKS)
def test_a_run_is_complete_in_its_folder(tmp_path: Path, name: str) -> None:
    run(name, tmp_path / "run", steps=3)
    (tmp_path / "run").rename(tmp_path / "moved")
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            path.unlink()
    assert load_run(tmp_path / "moved").config.task == name
    assert resume(tmp_path / "moved", steps=5).step == 5


@pytest.mark.parametrize("name", TASKS)
def test_changed_examples_are_noticed(tmp_path: Path, name: str) -> None:
    run(name, tmp_path / "run", steps=3)
    path = next((tmp_path / "run" / "examples").glob("train.*.values.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="the digest does not fit"):
        resume(tmp_path / "run", steps=5)
    (tmp_path / "run" / "examples.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"examples\.json is not whole JSON"):
        load_run(tmp_path / "run")


@pytest.mark.parametrize("name", TASKS)
def test_a_batchs_loss_is_the_sum_of_its_examples(tmp_path: Path, name: str) -> None:
    """However long its mates are; and it is made of as many predictions as the task says."""
    run(name, tmp_path / "run", steps=2)
    loaded, kind = load_run(tmp_path / "run"), example_task(name)
    examples = kind.open(tmp_path / "run")
    task, part = kind(loaded.config.model, loaded.vocabulary, examples), examples.parts["train"]
    lengths = part.columns[kind.LENGTH].lengths
    chosen = sorted({int(lengths.argmin()), int(lengths.argmax()), 0, len(part) // 2, len(part) - 1})

    def nats(indices: list[int]) -> float:
        columns = {name: pad(rows) for name, rows in part.rows(indices).items()}
        with torch.no_grad():
            return float(task.summed_loss(loaded.model, columns, 0.0))

    assert nats(chosen) == pytest.approx(sum(nats([n]) for n in chosen), rel=1e-5)
    counts = task.predictions(part)
    assert counts.shape == (len(part),)
    assert counts.min() >= 0
