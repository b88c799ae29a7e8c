"""--config, tidegate runs RUN --settings, --quiet, --dry-run, and budgets that are used up."""

import dataclasses
import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tidegate.train import read_config

Cli = Callable[..., Result]
FILE = """
data = ["{text}"]
hidden-size = 8
steps = 3
dropout = 0
tie-weights = false
cell = "rnn_tanh"
splits = "80/20"
sample-length = 0
device = "cpu"
"""


@pytest.fixture(scope="module")
def made(cli: Cli, text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file of settings, and a run made with it and one option."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "lm.toml").write_text(FILE.format(text=text_file))
    result = cli("train", "lm", "--config", folder / "lm.toml", "--hidden-size", 6, "--out", folder / "run", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    return folder / "lm.toml", folder / "run"


def test_what_is_typed_replaces_what_the_file_says(made: tuple[Path, Path], text_file: Path) -> None:
    run = read_config(made[1])
    assert (run.model.hidden_size, run.model.cell, run.train.steps, run.split_kind) == (
        6,
        "rnn_tanh",
        3,
        "contiguous 80/20",
    )
    assert run.data_options is not None
    assert run.data_options["data"] == [str(text_file)]


def test_the_settings_of_a_run_make_the_same_run(cli: Cli, made: tuple[Path, Path], tmp_path: Path) -> None:
    printed = cli("runs", made[1], "--settings").stdout
    assert tomllib.loads(printed)["hidden-size"] == 6
    (tmp_path / "again.toml").write_text(printed)
    result = cli("train", "lm", "--config", tmp_path / "again.toml", "--out", tmp_path / "run", "--sample-length", 0)
    assert result.exit_code == 0, result.output
    assert dataclasses.asdict(read_config(tmp_path / "run")) == dataclasses.asdict(read_config(made[1]))
    name = "model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (made[1] / name).read_bytes()


def test_settings_of_a_run_that_did_not_record_its_data_say_so(cli: Cli, made: tuple[Path, Path], tmp_path) -> None:
    run = shutil.copytree(made[1], tmp_path / "run")
    record = json.loads((run / "config.json").read_text())
    del record["data_options"]
    (run / "config.json").write_text(json.dumps(record))
    assert "did not record its data" in cli("runs", run, "--settings").stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "hidden-sise = 8",
            "'hidden-sise' is no option of",
        ),
        ("hidden-size = 8.5", "hidden-size is 8.5, but should be a whole number"),
        ("hidden-size = true", "should be a whole number"),
        ('dropout = "0.1"', "should be a number"),
        ("eos = 1", "should be true or false"),
        ('data = "a.txt"', "should be a list of texts"),
        ('resume = "runs/a"', "'resume' is no option"),
        ("hidden-size =", "is not TOML"),
        ("hidden-size = 0", "hidden-size"),
    ],
)
def test_a_wrong_line_is_refused(cli: Cli, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.toml").write_text(line + "\n")
    result = cli("train", "lm", tmp_path / "text.txt", "--config", tmp_path / "a.toml")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_near_name_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("hidden_size = 8\n")
    assert "did you mean 'hidden-size'" in cli("train", "lm", "--config", tmp_path / "a.toml").stderr


def test_files_that_are_typed_replace_those_of_the_file(cli: Cli, made: tuple[Path, Path], tmp_path: Path) -> None:
    result = cli("train", "lm", "--config", made[0], "--train", tmp_path / "other.txt", "--out", tmp_path / "run")
    assert "other.txt does not exist" in result.stderr


@pytest.mark.parametrize(("budget", "more"), [(("--steps", 2), "--steps 5"), (("--minutes", 1e-9), "--minutes")])
def test_a_budget_that_is_used_up_is_refused(cli: Cli, made: tuple[Path, Path], budget: tuple, more: str) -> None:
    before = (made[1] / "config.json").read_bytes()
    result = cli("train", "lm", "--resume", made[1], *budget)
    assert result.exit_code == 2
    said = " ".join(result.stderr.replace("│", " ").split())
    assert "it counts from the beginning" in said
    assert more in said
    assert (made[1] / "config.json").read_bytes() == before
    assert cli("train", "lm", "--resume", made[1], "--steps", 3).exit_code == 0  # as before: finished


@pytest.mark.parametrize("verb", ["evaluate", "predict", "generate", "look"])
def test_a_run_that_is_not_there_is_refused_before_torch_is_loaded(cli: Cli, tmp_path: Path, verb: str) -> None:
    result = cli(verb, tmp_path / "nope")
    assert result.exit_code == 2
    assert "nope does not exist: give the folder of a run" in result.stderr


@pytest.mark.parametrize("budget", [("--steps", 40), ("--minutes", 1)])
def test_a_dry_run_describes_the_run_and_writes_nothing(
    cli: Cli, made: tuple[Path, Path], tmp_path: Path, budget: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = tomllib.loads(made[0].read_text())["data"][0]
    small = ("--cell", "rnn_tanh", "--hidden-size", 6, "--batch-size", 4, "--k1", 10, "--device", "cpu")
    result = cli("train", "lm", text, "--dry-run", "--out", tmp_path / "run", *small, *budget)
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == []
    said = result.stdout
    assert cli("train", "lm", text, "--out", tmp_path / "run", *small, "--steps", 1, "--quiet").exit_code == 0
    parameters = json.loads(cli("runs", tmp_path / "run", "--json").stdout)["parameters"]
    assert f"rnn_tanh, 6 hidden units, in {tmp_path / 'run'}: {parameters:,} parameters on cpu" in said
    assert ("40 steps" if budget[1] == 40 else "1 minutes, about") in said
    assert all(note in said for note in read_config(tmp_path / "run").notes)
