"""Several processes: the same run as one, to rounding; written once; resumed; stopped together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.train.small_runs import assert_same_run, lines, train_in

from tidegate.errors import RunFolderError
from tidegate.train import resume

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.train.small_runs import train_in
from tidegate.train import holds_run, is_main_process, resume
folder, options = Path(sys.argv[1]), eval(sys.argv[2])
assert is_main_process() == (os.environ["RANK"] == "0")
stop_at = options.pop("stop_at", None)
def report(event):
    assert is_main_process(), "only the main process reports"
    if stop_at is not None and type(event).__name__ == "Progressed" and event.step >= stop_at:
        os.kill(os.getpid(), signal.SIGINT)  # one process only: the other must stop at the same step
finished = resume(folder, report=report) if holds_run(folder) else train_in(folder, report=report, **options)
print("DONE", os.environ["RANK"], finished.reason, finished.step, flush=True)
"""


def launch(tmp_path: Path, folder: Path, options: dict) -> str:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(folder), repr(options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path):
    train_in(tmp_path / "one", device="cpu")
    out = launch(tmp_path, tmp_path / "two", {"device": "cpu"})
    assert "DONE 0 budget 30" in out
    assert "DONE 1 budget 30" in out
    one, two = lines(tmp_path / "one"), lines(tmp_path / "two")
    assert [(it["event"], it["step"]) for it in one] == [(it["event"], it["step"]) for it in two]
    for key in ("nats", "gradient_norm"):
        values = [[it[key] for it in story if key in it] for story in (one, two)]
        torch.testing.assert_close(torch.tensor(values[0]), torch.tensor(values[1]), rtol=1e-4, atol=0)
    models = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    torch.testing.assert_close(models[0], models[1], rtol=1e-3, atol=1e-4)
    config = json.loads((tmp_path / "two/config.json").read_text())
    assert config["baselines"] == json.loads((tmp_path / "one/config.json").read_text())["baselines"]


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_exactly(tmp_path: Path):
    options = {
        "device": "cpu",
        "model": {"dropout": 0.3, "num_layers": 2},
        "feeding": "greedy",
        "sampling_probability_start": 0.0,
    }
    launch(tmp_path, tmp_path / "whole", options)
    out = launch(tmp_path, tmp_path / "run", options | {"stop_at": 12})
    assert "DONE 0 interrupted 13" in out
    assert "DONE 1 interrupted 13" in out
    with pytest.raises(RunFolderError, match="written by 2 processes, but 1"):
        resume(tmp_path / "run")
    assert "DONE 1 budget 30" in launch(tmp_path, tmp_path / "run", options)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
