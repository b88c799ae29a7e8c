"""A task and a cell of one's own from the command line, in processes of their own."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.command_line import process
from typer.testing import Result

import tidegate

DOCS = Path(__file__).parent.parent.parent / "docs"
TASK = "count_task.py:CountTask"
SMALL = ["--epochs", "2", "--learning-rate", "0.01", "--device", "cpu"]
CELL = """
from tidegate.cells import Step, cell, sigmoid, tanh

@cell(gates="z n", states="h")
def leaky(x, r, s):
    z = sigmoid(x.z + r.z)
    return Step(h=z * s.h + (1 - z) * tanh(x.n))
"""


def run(*arguments: object) -> "subprocess.CompletedProcess[bytes]":
    done = process(*arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # The processes use the package of this one, also where its place was given relative to the folder left here.
    monkeypatch.setenv("PYTHONPATH", str(Path(tidegate.__file__).parent.parent))
    page = (DOCS / "your_own_task.md").read_text(encoding="utf-8")
    (tmp_path / "count_task.py").write_text(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], encoding="utf-8")
    words = [chr(97 + n % 26) + "abcdefghi"[n % 9] + "xyz"[: n % 3] for n in range(400)]
    (tmp_path / "words.txt").write_text("".join(f"{it} {sum(c in 'aeiou' for c in it)}\n" for it in words))
    return tmp_path


@pytest.mark.slow
def test_a_task_of_ones_own_trains_evaluates_predicts_and_resumes(folder: Path) -> None:
    trained = run("train", "--task", TASK, "words.txt", "--out", "run", *SMALL)
    assert f"tidegate evaluate run --task {TASK}" in trained.stdout.decode()
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["task"] == "count"
    assert "cell_digest" not in config  # of a built-in cell
    assert b"accuracy" in run("evaluate", "run", "--task", TASK).stdout
    assert len(run("predict", "run", "--text", "tidegate", "--task", TASK).stdout.splitlines()) == 1
    resumed = run("train", "--task", TASK, "--resume", "run", "--epochs", "3")
    assert json.loads((folder / "run" / "config.json").read_text())["train"]["epochs"] == 3
    assert b"Finished (budget)" in resumed.stdout
    assert b"--hidden-size" in run("train", f"--task={TASK}", "--help").stdout
    # Without --task it is unknown, and nothing is imported for its name.
    (folder / "count.py").write_text("raise SystemExit('imported')")
    done = process("evaluate", "run")
    assert done.returncode == 2
    assert b"No task is called 'count'" in done.stderr
    assert b"--task my_module:MyTask" in done.stderr
    assert b"imported" not in done.stderr


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.py:CountTask", "nowhere.py"),
        ("count_task.py:Nothing", "has no task 'Nothing'"),
        ("count_task.py:Counter", "is not a task"),
    ],
)
def test_a_wrong_place_is_named(cli: Callable[..., Result], folder: Path, place: str, message: str) -> None:
    done = cli("train", "--task", place, "words.txt")
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.slow
def test_a_cell_of_ones_own_trains_and_its_equations_are_compared(folder: Path) -> None:
    (folder / "my_cells.py").write_text(CELL)
    small = ["--hidden-size", 8, "--steps", 3, "--sample-length", 0, "--device", "cpu", "--splits", "80/20"]
    run("train", "lm", "words.txt", "--out", "run", "--cell", "my_cells.py:leaky", *small)
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["model"]["cell"] == "leaky"
    assert config["cell_digest"]
    run("generate", "run", "--length", 5, "--cell", "my_cells.py:leaky")
    run("evaluate", "run", "--cell", "my_cells.py:leaky")
    run("train", "lm", "--resume", "run", "--steps", 4, "--cell", "my_cells.py:leaky")
    unknown = process("evaluate", "run")
    assert unknown.returncode == 2
    assert b"No cell is called 'leaky'" in unknown.stderr
    (folder / "my_cells.py").write_text(CELL.replace("tanh(x.n)", "tanh(x.n + r.n)"))
    changed = process("evaluate", "run", "--cell", "my_cells.py:leaky")
    assert changed.returncode == 2
    assert b"has other equations now" in changed.stderr
    del config["cell_digest"]
    (folder / "run" / "config.json").write_text(json.dumps(config))
    removed = process("evaluate", "run", "--cell", "my_cells.py:leaky")
    assert removed.returncode == 2
    assert b"has other equations now" in removed.stderr


def test_cells_shows_and_probe_trains_a_cell_of_ones_own(folder: Path) -> None:
    (folder / "my_cells.py").write_text(CELL)
    assert b"W_z x_t" in run("cells", "my_cells.py:leaky").stdout
    options = ["--problems", "adding", "--lags", "5", "--steps", "2", "--hidden-size", "4"]
    assert b"leaky" in run("probe", "--cells", "my_cells.py:leaky", *options).stdout
