"""Runs that were copied without their data: the model, its settings and its vocabulary."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import Result

Cli = Callable[..., Result]


def deployed(run: Path, to: Path) -> Path:
    to.mkdir()
    for name in ("config.json", "model.safetensors", "vocabulary.json", "examples.json"):
        if (run / name).exists():
            shutil.copy(run / name, to)
    return to


def ok(result: Result) -> str:
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def test_a_language_model(cli: Cli, run_folder: Path, text_file: Path, tmp_path: Path):
    folder = deployed(run_folder, tmp_path / "deployed")
    assert "does not hold the training text, so no copies" in ok(cli("generate", folder, "--length", 20, "--seed", 1))
    evaluated = cli("evaluate", folder, text_file)
    assert "does not hold the training text, so no n-grams" in ok(evaluated)
    assert "this model" in evaluated.stdout
    assert "uniform" not in evaluated.stdout
    ok(cli("look", folder, "the cat sat on the mat.", "--out", tmp_path / "x.html"))
    ok(cli("look", folder, "--file", text_file, "--out", tmp_path / "y.html"))
    for arguments in (("evaluate", folder), ("look", folder, "--out", tmp_path / "z.html")):
        result = cli(*arguments)
        assert result.exit_code == 2
        assert "holds a model without the data that it was trained on: give files" in result.stderr


FILMS = "text,label\n" + "warm and lively,like\nslow and dull,dislike\n" * 30
WAVE = "y\n" + "".join(f"{k % 7}\n" for k in range(120))


@pytest.mark.parametrize(
    ("task", "name", "content", "options"),
    [
        ("classify", "films.csv", FILMS, ["--hidden-size=8"]),
        ("forecast", "wave.csv", WAVE, ["--hidden-size=8", "--horizon=5", "--window=20"]),
    ],
)
def test_other_tasks(cli: Cli, tmp_path: Path, task: str, name: str, content: str, options: Sequence[str]):
    data = tmp_path / name
    data.write_text(content)
    ok(cli("train", task, data, "--out", tmp_path / "run", "--steps=3", "--device=cpu", *options))
    folder = deployed(tmp_path / "run", tmp_path / "deployed")
    assert json.loads(ok(cli("predict", folder, data, "--json")).splitlines()[0])
    assert "predicted" in ok(cli("evaluate", folder, data))
    ok(cli("look", folder, "--file", data, "--out", tmp_path / "x.html"))
    for arguments in (("evaluate", folder), ("look", folder, "--out", tmp_path / "z.html")):
        result = cli(*arguments)
        assert result.exit_code == 2
        assert "holds a model without the data that it was trained on: give files" in result.stderr
