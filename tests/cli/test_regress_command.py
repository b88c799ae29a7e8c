"""``train``, ``evaluate`` and ``predict`` of regress, as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from scipy.io import wavfile

Cli = Callable[..., Result]
SMALL = ["--hidden-size", 4, "--steps", 3, "--warmup-steps", 1, "--device", "cpu", "--validate-every", 3]


@pytest.fixture(scope="module")
def tables(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    x = draw.normal(0, 1, 240)
    y = np.convolve(x, [0.5, 0.3])[:240] + np.tanh(x)
    frame = pd.DataFrame({"at": ["p", "q"] * 120, "x": x, "y": y, "z": -y})
    frame.to_csv(folder / "a.csv", index=False)
    columns = ["--inputs", "x", "--targets", "y,z", "--series-column", "at", "--k1", 10]
    result = cli("train", "regress", folder / "a.csv", "--out", folder / "run", *columns, *SMALL)
    assert result.exit_code == 0, result.output
    assert "NSE" in result.output
    assert "linear filter" in result.output
    return folder


def test_predictions_for_a_table_are_a_table(cli: Cli, tables: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(tables / "a.csv")[["at", "x"]].sample(frac=1, random_state=0)
    frame.to_csv(tmp_path / "new.csv", index=False)
    result = cli("predict", tables / "run", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert (result.exit_code, result.output) == (0, "")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found.columns) == ["series", "row", "y", "z"]
    assert found.set_index("row").series.sort_index().tolist() == frame["at"].tolist()
    lines = cli("predict", tables / "run", tmp_path / "new.csv", "--json").stdout.splitlines()
    values = [value for line in lines for value in json.loads(line)["values"]["y"]]
    np.testing.assert_allclose(found.y, values, rtol=1e-7)
    assert "120 steps, y " in cli("predict", tables / "run", tmp_path / "new.csv").stdout


def test_evaluate_has_a_table_of_targets_and_series(cli: Cli, tables: Path) -> None:
    result = cli("evaluate", tables / "run", tables / "a.csv")
    assert result.exit_code == 0, result.output
    for text in ("  y, medians over 2 series", "last value", "NSE of the series that are predicted worst"):
        assert text in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "a.txt"], "written to files called .csv, .parquet or .wav"),
        (["--out", "a.wav"], "one recording is written, but 2 series were read, 0 of them"),
        (["--out", "a.csv", "--json"], "leave --json out"),
    ],
)
def test_what_cannot_be_written_is_refused(
    cli: Cli, tables: Path, tmp_path: Path, monkeypatch: Any, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("predict", tables / "run", tables / "a.csv", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_a_recording_becomes_a_recording(cli: Cli, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 0.2, 400).astype(np.float32)
    wavfile.write(tmp_path / "in.wav", 8000, x)
    wavfile.write(tmp_path / "amplifier.wav", 8000, np.roll(np.tanh(3 * x), 2))
    files = [tmp_path / "in.wav", tmp_path / "amplifier.wav"]
    result = cli("train", "regress", *files[:1], "--out", tmp_path / "run", *SMALL)
    assert result.exit_code == 2
    wavfile.write(tmp_path / "out.wav", 8000, np.roll(np.tanh(3 * x), 2))
    files = [tmp_path / "in.wav", tmp_path / "out.wav"]
    result = cli("train", "regress", *files, "--out", tmp_path / "run", "--k1", 20, "--loss", "esr", *SMALL)
    assert result.exit_code == 0, result.output
    assert "2 samples (0.25 ms) after the input" in " ".join(result.output.split())
    result = cli("predict", tmp_path / "run", files[0], "--out", tmp_path / "made.wav")
    assert (result.exit_code, result.output) == (0, "")
    rate, made = wavfile.read(tmp_path / "made.wav")
    assert (rate, made.dtype, made.shape) == (8000, np.float32, (400,))
    said = json.loads(cli("predict", tmp_path / "run", files[0], "--json").stdout)
    np.testing.assert_allclose(made, said["values"]["target"], atol=1e-6)
    wavfile.write(tmp_path / "slow.wav", 4000, x)
    result = cli("predict", tmp_path / "run", tmp_path / "slow.wav", "--out", tmp_path / "made.wav")
    assert result.exit_code == 2
    assert "has 4,000 samples per second, but" in " ".join(result.output.replace("│", " ").split())
