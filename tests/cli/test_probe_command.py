"""tidegate probe."""

import inspect
import json
from pathlib import Path

import pytest

from tidegate.cli.verbs.probe import probe
from tidegate.data.samples import probes
from tidegate.tasks.probe.table import probe_table


def test_the_defaults_are_those_of_the_function() -> None:
    command, function = (inspect.signature(it).parameters for it in (probe, probe_table))
    for name in ("steps", "seed", "hidden_size", "batch_size", "learning_rate", "validate_every"):
        assert command[name].default == function[name].default, name


@pytest.mark.parametrize("form", [[], ["--json"], ["--markdown"]])
def test_results_come_as_a_table_or_as_json(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form) -> None:
    monkeypatch.setattr(probes, "SIZES", {"train": 60, "validation": 20, "test": 10})
    options = "--cells lstm,gru --problems adding --lags 5 --steps 3 --hidden-size 4 --validate-every 2"
    result = cli("probe", *options.split(), "--out", tmp_path / "runs", *form)
    assert result.exit_code == 0, result.output
    if form == ["--json"]:
        records = [json.loads(line) for line in result.stdout.splitlines()]
        assert [(it["cell"], it["lag"], it["steps"]) for it in records] == [("lstm", 5, 3), ("gru", 5, 3)]
    else:
        assert ("| cell | lag 5 |" if form else "\n  cell  lag 5\n") in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80 or form
        assert "adding 5, gru: not solved in 3 steps" in result.stderr
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["adding-5-gru", "adding-5-lstm"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lags", "ten"], "'ten' is not a whole number"),
        (["--problems", "chess"], "No problem is called 'chess'"),
        (["--cells", "lsmt"], "lsmt"),
        (["--cells", ","], "at least one cell"),
    ],
    ids=str,
)
def test_wrong_options_are_errors(cli, options, said) -> None:
    result = cli("probe", *options)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
