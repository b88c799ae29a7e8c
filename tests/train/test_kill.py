"""SIGKILL, for real: at random moments, several times, in several phases of a run."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tests.train.small_runs import assert_same_run, rich_run

from tidegate.train import holds_run

ROOT = Path(__file__).parents[2]


def child(folder: Path) -> None:
    torch.set_num_threads(1)
    rich_run(folder)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    rich_run(folder)
    began = time.monotonic()  # of a second run: the first one compiled kernels, which the others find
    rich_run(folder.with_name("again"))
    return folder, time.monotonic() - began


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_killed_at_random_moments_equals_never_killed(tmp_path: Path, unbroken: tuple[Path, float], seed: int):
    # Children of a server that has torch loaded already: each begins at once, and shares no thread with this process.
    whole, seconds = unbroken
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tidegate.train", "accelerate"])
    first = context.Process(target=time.sleep, args=(0,))
    first.start()
    first.join()
    draw = random.Random(seed)
    killed = begun = 0
    while True:
        before = checkpoint_time(tmp_path / "run")
        process = context.Process(target=child, args=(tmp_path / "run",))
        process.start()
        if killed % 3:  # two of three are killed some time after their first checkpoint, the others any time
            while process.exitcode is None and checkpoint_time(tmp_path / "run") == before:
                time.sleep(0.001)
        process.join(draw.uniform(0.0, 0.4 * seconds) if killed < 7 else None)
        if process.exitcode is not None:
            break
        begun += holds_run(tmp_path / "run")
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed += 1
    assert process.exitcode == 0
    assert killed >= 2, "the run must have been killed"
    assert begun >= 1, "and after it had begun"
    assert_same_run(whole, tmp_path / "run")


def checkpoint_time(folder: Path) -> int:
    path = folder / "training_state.safetensors"
    return path.stat().st_mtime_ns if path.exists() else 0


@pytest.mark.slow
def test_fresh_processes_killed_in_each_phase(tmp_path: Path, unbroken: tuple[Path, float]):
    # Nothing is shared between the lives of this run but its folder.
    program = "from pathlib import Path; import sys; from tests.train.test_kill import child; child(Path(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path / "run")]
    state = tmp_path / "run/training_state.safetensors"

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT)

    def wait_for(condition, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + 120
        while not condition() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)

    phases = [
        lambda: (tmp_path / "run/corpus.npy.partial").exists() or (tmp_path / "run").exists(),
        state.exists,
        lambda: holds_run(tmp_path / "run"),
    ]
    for phase in phases:
        process = start()
        wait_for(phase, process)
        process.kill()
        process.wait()
    draw = random.Random(3)
    for _ in range(3):
        before = state.stat().st_mtime_ns
        process = start()
        wait_for(lambda before=before: state.stat().st_mtime_ns != before, process)
        time.sleep(draw.uniform(0, 0.3))
        process.kill()
        process.wait()
    assert start().wait() == 0
    assert_same_run(unbroken[0], tmp_path / "run")
