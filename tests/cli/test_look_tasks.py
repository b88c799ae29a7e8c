"""``tidegate look`` on runs of other tasks than language models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.train.task_runs import run as trained
from typer.testing import Result

Cli = Callable[..., Result]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look") / "classes"
    trained("classify", folder)
    return folder


def test_a_report_of_texts_and_of_the_runs_own_examples(cli: Cli, classifier: Path, tmp_path: Path) -> None:
    result = cli("look", classifier, "y w3 z", "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    made = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r'"names": \["TEXT 0", "validation example 0", "validation example 1"', made)
    assert '"read": ["y", "w3", "z"]' in made
    assert '"title": "Classes"' in made


def test_the_rows_of_a_file_come_first(cli: Cli, classifier: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("x w1\ny w2 z\n")
    result = cli("look", classifier, "--file", tmp_path / "some.txt", "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    made = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '"read": ["x", "w1"]' in made
    assert 'some.txt, line 2", "validation example 0"' in made


def test_comparing_is_for_language_models(cli: Cli, classifier: Path, run_folder: Path) -> None:
    result = cli("look", classifier, "--compare", classifier, "--no-open")
    assert result.exit_code != 0
    assert "is a run of classify: look at one run at a time" in " ".join(result.output.split())
    result = cli("look", run_folder, "the cat", "--compare", classifier, "--no-open")
    assert (result.exit_code, f"{classifier} is a run of classify" in " ".join(result.output.split())) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tag", "translate", "caption", "forecast", "probe"])
def test_every_tasks_own_run_can_be_looked_at(cli: Cli, tmp_path: Path, name: str) -> None:
    trained(name, tmp_path / "run")
    result = cli("look", tmp_path / "run", "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.html").stat().st_size < 4 << 20
