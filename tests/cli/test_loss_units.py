"""Every loss that is printed says what it is measured in, and says so truly."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tidegate.data.samples import probes


def series(folder: Path) -> Path:
    lines = (f"{math.sin(t / 3) + 0.1 * (t % 5):.4f}\n" for t in range(200))
    (folder / "series.csv").write_text("a\n" + "".join(lines))
    return folder / "series.csv"


@pytest.mark.parametrize(
    ("distribution", "name"), [("gaussian", "nats per step"), ("quantiles", "pinball loss per step")]
)
def test_a_forecasters_loss_is_named_by_its_distribution(cli, tmp_path: Path, distribution: str, name: str) -> None:
    sizes = "--horizon 4 --window 12 --hidden-size 4 --batch-size 4 --steps 2 --validate-every 1 --paths 4"
    given = ["forecast", series(tmp_path), *sizes.split(), "--distribution", distribution]
    trained = cli("train", *given, "--out", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    validations = [line for line in trained.stdout.splitlines() if line.startswith("step") and "validation" in line]
    assert validations
    assert all(f" {name} (best" in line for line in validations)
    (end,) = [line for line in trained.stdout.splitlines() if line.startswith("Finished")]
    assert f" {name} on validation" in end
    evaluated = cli("evaluate", tmp_path / "run").stdout
    assert f"  {name} " in evaluated
    assert ("nats" in evaluated) == (distribution == "gaussian")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config.get("loss_unit") == (None if distribution == "gaussian" else "pinball loss")


@pytest.mark.parametrize(
    ("problem", "name"), [("adding", "squared error per answer"), ("temporal_order", "nats per answer")]
)
def test_a_probes_loss_is_named_by_its_answers(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: str, name: str
) -> None:
    monkeypatch.setattr(probes, "SIZES", {"train": 60, "validation": 20, "test": 10})
    given = f"train probe sample:{problem.replace('_', '-')}-12 --steps 2 --hidden-size 4 --validate-every 1"
    trained = cli(*given.split(), "--out", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    assert f" {name} (best" in trained.stdout
    assert f" {name} on validation" in trained.stdout
