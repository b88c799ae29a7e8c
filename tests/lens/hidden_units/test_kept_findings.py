"""The finder's findings, kept in the run folder and read from it, which is not trusted."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.lens.hostile_run import small_run

from tidegate.errors import ArgumentError
from tidegate.lens import find_cells
from tidegate.lens.hidden_units.findings import MARGIN, Findings
from tidegate.lens.hidden_units.kept_findings import NAME, findings_of, kept_findings
from tidegate.lens.record.held_out import searched_ids
from tidegate.lens.session.text_session import TextSession
from tidegate.train import Run, load_run


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = small_run(tmp_path_factory.mktemp("kept") / "run", num_layers=1, hidden_size=6)
    findings_of(run)
    return run


@pytest.fixture
def run(searched: Run, tmp_path: Path) -> Run:
    shutil.copytree(searched.folder, tmp_path / "run")
    return load_run(tmp_path / "run")


def never() -> Findings:
    raise AssertionError("the search was made again")


def test_findings_that_were_kept_are_those_of_the_search(run: Run):
    expected = find_cells(run.model, run.tokenizer, searched_ids(run))
    kept = findings_of(run, never)
    assert kept.found == expected.found
    assert list(kept.found) == list(expected.found)
    assert kept.absent == expected.absent
    assert kept_findings(run) == kept
    with TextSession([run], "x = (1)") as session:
        assert session.find_cells().found == expected.found
    with pytest.raises(ArgumentError, match="not kept with a run"):
        kept.best(next(iter(kept.found)))


def test_those_of_another_model_or_text_are_not_used(run: Run, caplog: pytest.LogCaptureFixture):
    bias = run.model.output.bias.detach().clone()
    with torch.no_grad():
        run.model.output.bias.add_(1)
    assert kept_findings(run) is None
    assert f"{NAME} is of another model: what it holds is computed again" in caplog.text
    with torch.no_grad():
        run.model.output.bias.copy_(bias)
    path = run.folder / NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | {"text": "0" * 64}))
    caplog.clear()
    assert kept_findings(run) is None
    assert "is of another text" in caplog.text
    made = findings_of(run)
    assert made.scores
    assert findings_of(run, never).found == made.found


def first(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["found"][0].update(changes)


@pytest.mark.parametrize(
    "alter",
    [
        first(unit=6),
        first(unit=-1),
        first(layer=1),
        first(name="zz"),
        first(sign=0),
        first(score=1.5),
        first(score="1"),
        first(kind="count"),
        first(detector="other"),
        first(more=1),
        lambda record: record["found"].pop(),
        lambda record: record["found"].append(record["found"][0]),
        lambda record: record["absent"].append(3),
        lambda record: record.update(found={}),
        lambda record: record.update(version=2),
        lambda record: record.pop("model"),
    ],
)
def test_an_altered_file_is_told_and_not_used(
    run: Run, alter: Callable[[dict[str, Any]], None], caplog: pytest.LogCaptureFixture
):
    path = run.folder / NAME
    record = json.loads(path.read_text())
    alter(record)
    path.write_text(json.dumps(record))
    assert kept_findings(run) is None
    assert str(path) in caplog.text
    assert "computed again" in caplog.text


def test_a_file_that_is_no_json_or_too_large_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("tidegate.lens.record.kept.LARGEST", 10)
    assert kept_findings(run) is None
    assert "at most 10 are read" in caplog.text
    (run.folder / NAME).write_text("{")
    assert kept_findings(run) is None
    assert "is not whole JSON" in caplog.text


def test_a_folder_that_cannot_be_written_is_told(run: Run, caplog: pytest.LogCaptureFixture):
    (run.folder / NAME).unlink()
    (run.folder / NAME).mkdir()
    assert findings_of(run).found
    assert "cannot be written" in caplog.text


def test_a_finding_holds_only_if_it_beats_both_controls_clearly(run: Run):
    it = replace(next(iter(findings_of(run, never).found.values())), score=0.9, untrained=0.6, shuffled=0.7)
    assert it.control == 0.7
    assert it.holds
    assert not replace(it, untrained=0.96).holds
    assert not replace(it, shuffled=0.9 - MARGIN / 2).holds
