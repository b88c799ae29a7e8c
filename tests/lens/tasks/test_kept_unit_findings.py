"""What the search for hidden units of a task found is kept in the run folder and read from it, which is not trusted."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.lens.tasks.planted import planted

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.kept_findings import NAME
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import find_units
from tidegate.lens.tasks.units.kept_unit_findings import kept_unit_findings, unit_findings_of
from tidegate.train import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = planted(tmp_path_factory.mktemp("kept"), 1)
    unit_findings_of(made)
    return made


@pytest.fixture
def path(run: Run, tmp_path: Path) -> Iterator[Path]:
    """The kept file, which is put back afterwards."""
    shutil.copy(run.folder / NAME, tmp_path / NAME)
    yield run.folder / NAME
    shutil.copy(tmp_path / NAME, run.folder / NAME)


def test_findings_that_were_kept_are_those_of_the_search(run: Run, monkeypatch: pytest.MonkeyPatch):
    expected = find_units(run)
    assert any(it.direction == 1 for it in expected.found.values())
    monkeypatch.setattr("tidegate.lens.tasks.units.kept_unit_findings.find_units", None)  # no other search is made
    kept = unit_findings_of(run)
    assert kept.found == expected.found
    assert (list(kept.found), kept.absent, kept.searched) == (list(expected.found), expected.absent, expected.searched)
    assert kept_unit_findings(run) == {"input": kept}
    with ExampleSession(run) as session:
        assert session.find_units("input").found == expected.found
    with pytest.raises(ArgumentError, match="not kept with a run"):
        kept.best("IN")
    with pytest.raises(ArgumentError, match="no sequence 'target'"):
        unit_findings_of(run, "target")


def test_those_of_another_model_or_other_data_are_not_used(run: Run, path: Path, caplog: pytest.LogCaptureFixture):
    with torch.no_grad():
        run.model.output.bias.add_(1)
    assert kept_unit_findings(run) == {}
    with torch.no_grad():
        run.model.output.bias.sub_(1)
    assert f"{NAME} is of another model" in caplog.text
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": "0" * 64}))
    assert kept_unit_findings(run) == {}
    assert "is of another data" in caplog.text
    assert unit_findings_of(run).scores
    assert list(kept_unit_findings(run)) == ["input"]


def first(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["sequences"]["input"]["found"][0].update(changes)


@pytest.mark.parametrize(
    "alter",
    [
        first(unit=5),
        first(layer=1),
        first(direction=2),
        first(direction=-1),
        first(kind="count"),
        first(detector="other"),
        first(score=float("nan")),
        lambda record: record["sequences"]["input"]["absent"].append("more"),
        lambda record: record["sequences"].update(source=record["sequences"]["input"]),
        lambda record: record["sequences"].update(input=[]),
        lambda record: record.update(sequences=3),
        lambda record: record.pop("sequences"),
        lambda record: record.update(format="tidegate findings"),
    ],
)
def test_an_altered_file_is_told_and_not_used(
    run: Run, path: Path, alter: Callable[[dict[str, Any]], None], caplog: pytest.LogCaptureFixture
):
    record = json.loads(path.read_text())
    alter(record)
    path.write_text(json.dumps(record))
    assert kept_unit_findings(run) == {}
    assert str(path) in caplog.text
    assert "computed again" in caplog.text
