"""``tidegate predict RUN FILES --out``: a row for each step, with its time."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

Cli = Callable[..., Result]
OPTIONS = "--cell rnn_tanh --hidden-size 4 --window 20 --horizon 3 --paths 7 --steps 2 --warmup-steps 1 --device cpu"
MONTHS = pd.date_range("2020-01-01", periods=51, freq="MS")


@pytest.fixture(scope="module")
def run(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    values = np.random.default_rng(0).normal(size=(48, 2)).round(3)
    frame = pd.DataFrame({"month": MONTHS[:48].strftime("%Y-%m"), "a": values[:, 0], "b": values[:, 1]})
    frame.to_csv(folder / "a.csv", index=False)
    frame.assign(month=MONTHS[:48]).to_parquet(folder / "a.parquet")
    result = cli("train", "forecast", folder / "a.csv", "--out", folder / "run", *OPTIONS.split())
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_csv_has_a_row_for_each_step(cli: Cli, run: Path, tmp_path: Path):
    data, out = run.with_name("a.csv"), tmp_path / "p.csv"
    result = cli("predict", run, data, "--out", out, "--paths")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(it["series"], it["time"], it["step"]) for it in rows] == [
        (name, time, str(step)) for name in "ab" for step, time in enumerate(MONTHS[48:].strftime("%Y-%m").tolist(), 1)
    ]
    said = [json.loads(line) for line in cli("predict", run, data, "--json").stdout.splitlines()]
    for own, first in zip(said, (0, 3), strict=True):
        for step in range(3):
            row: dict[str, Any] = rows[first + step]
            assert float(row["mean"]) == own["mean"][step]
            assert {level: float(row[f"q{level}"]) for level in own["quantiles"]} == {
                level: values[step] for level, values in own["quantiles"].items()
            }
            assert np.mean([float(row[f"path{n}"]) for n in range(1, 8)]) == pytest.approx(own["mean"][step])
    assert list(rows[0])[-2:] == ["path6", "path7"]


def test_parquet_has_timestamps(cli: Cli, run: Path, tmp_path: Path):
    for source in ("a.csv", "a.parquet"):
        assert cli("predict", run, run.with_name(source), "--out", tmp_path / "p.parquet").exit_code == 0
        found = pd.read_parquet(tmp_path / "p.parquet")
        assert found["time"].tolist() == [*MONTHS[48:], *MONTHS[48:]]
        assert list(found.columns) == ["series", "time", "step", "mean", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9"]


def test_a_table_without_times_counts_steps(cli: Cli, run: Path, tmp_path: Path):
    (tmp_path / "b.csv").write_text("a\n" + "".join(f"{k % 4}\n" for k in range(30)))
    assert cli("predict", run, tmp_path / "b.csv", "--out", tmp_path / "p.csv").exit_code == 0
    found = pd.read_csv(tmp_path / "p.csv")
    assert found["step"].tolist() == [1, 2, 3]
    assert found["time"].tolist() == pytest.approx([np.nan] * 3, nan_ok=True)


def test_without_out_there_is_a_table_for_each_series(cli: Cli, run: Path):
    lines = cli("predict", run, run.with_name("a.csv")).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["a", "+1", "+2", "+3", "b", "+1", "+2", "+3"]


def test_what_cannot_be_written_is_refused_before_anything_is(cli: Cli, run: Path, tmp_path: Path):
    data = tmp_path / "irregular.csv"
    data.write_text("month,a\n" + "".join(f"20{n * n:02}-01,{n}\n" for n in range(1, 9)))
    for arguments, said in (
        ([data, "--out", tmp_path / "p.csv"], "are irregular, so those of the forecast are not known"),
        ([data, "--out", tmp_path / "p.txt"], "forecasts are written to files called .csv or .parquet"),
        ([data, "--out", data], "is among FILES: give another name"),
        ([data, "--paths"], "give it with --out FILE"),
        ([data, "--out", tmp_path / "p.csv", "--json"], "leave --json out"),
    ):
        result = cli("predict", run, *arguments)
        assert result.exit_code == 2
        assert said in " ".join(result.output.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["irregular.csv"]
