"""Rolling backtests: which origins are taken, what each is measured on, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from tests.cli.conftest import cli  # noqa: F401  # pyright: ignore[reportUnusedImport]
from tests.tasks.test_forecast import table

from tidegate.data.rows import Row
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.encode_examples import encoded
from tidegate.tasks.forecast.backtest import Backtest, BacktestConfig, backtest_run
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import load_run

OPTIONS = "--cell rnn_tanh --hidden-size 4 --window 20 --horizon 4 --paths 10 --steps 2 --warmup-steps 1 --device cpu"


@pytest.fixture(scope="module")
def run(cli: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    folder = tmp_path_factory.mktemp("backtest")
    draw = np.random.default_rng(0)
    table(folder / "a.csv", a=draw.normal(size=120), b=draw.normal(size=120))
    result = cli("train", "forecast", folder / "a.csv", "--out", folder / "run", *OPTIONS.split())
    assert result.exit_code == 0, result.output
    return folder / "run"


def origin_rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.split("\norigins\n\n")[1].splitlines()[1:]]


def test_the_last_origins_of_the_test_part_are_taken(run: Path):
    """The test part has the steps 108 to 119: three forecasts of four steps."""
    loaded = load_run(run)
    rows = origin_rows(backtest_run(loaded, [], 2).text)
    assert [row[:4] for row in rows] == [["1", "(step", "113)", "2"], ["2", "(step", "117)", "2"]]
    task = ForecastTask(loaded.config.model, loaded.vocabulary)
    with torch.inference_mode():
        found = task.forecasts(loaded.model, loaded.open_data().parts["test"])[1][""]
    for row, at in zip(rows, (112, 116), strict=True):
        own = {it.name: it for it in found.chosen(found.at == at).metrics()}
        assert row[4] == f"{own['MAE'].value:.4g}"
        assert row[5] == f"{own['MAE'].of_baseline:.4g}"
        assert row[7] == f"{own['CRPS'].value:.4g}"


def test_origins_of_files_are_counted_from_the_end(run: Path, tmp_path: Path):
    loaded = load_run(run)
    values = np.arange(50.0)
    table(tmp_path / "b.csv", a=values, b=-values)
    text = backtest_run(loaded, [tmp_path / "b.csv"], 3, stride=5).text
    assert [row[2] for row in origin_rows(text)] == ["37)", "42)", "47)"]  # of 50 steps the last four
    assert "24 steps predicted" in text
    config = BacktestConfig(**vars(loaded.config.model), origins=2)
    part = encoded(Backtest(config, loaded.vocabulary), [tmp_path / "b.csv"], tmp_path / "encoded")
    first = part.rows([0])
    assert first["at"][0].tolist() == [42]
    assert first["reference"][0][:, 0].tolist() == [42, 43, 44, 45]
    assert len(first["frames"][0]) == 20 + 4


def test_series_of_different_lengths_are_counted_each_by_itself(run: Path, tmp_path: Path):
    lines = [f"{name},{k % 5}" for name, count in (("long", 40), ("short", 30)) for k in range(count)]
    (tmp_path / "c.csv").write_text("id,y\n" + "\n".join(lines) + "\n")
    loaded = load_run(run)
    rows = [Row(name, series_values(name, np.arange(float(count)))) for name, count in (("long", 40), ("short", 30))]
    config = BacktestConfig(**vars(loaded.config.model), origins=2)
    starts = [int(it["at"][0]) for row in rows for it in Backtest.encode(row, config, loaded.vocabulary)]
    assert starts == [32, 36, 22, 26]


def test_what_cannot_be_measured_is_refused(cli: Any, run: Path, tmp_path: Path):  # noqa: F811
    loaded = load_run(run)
    with pytest.raises(ArgumentError, match=r"are 3 forecasts of the series 'a', but the backtest needs 4: choose"):
        backtest_run(loaded, [], 4)
    table(tmp_path / "b.csv", a=np.arange(9.0), b=np.arange(9.0))
    with pytest.raises(DataError, match=r"'a' .*: 9 steps are too few for 3 forecasts of 4 steps, .* at least 13"):
        backtest_run(loaded, [tmp_path / "b.csv"], 3)
    with pytest.raises(ArgumentError, match="give FILES for another"):
        backtest_run(loaded, [], 2, stride=2)

    def said(*arguments: Any) -> tuple[int, str]:
        result: Result = cli("evaluate", run, *arguments)
        return result.exit_code, " ".join(result.output.split())

    assert said("--forecast-stride", 3)[0] == 2
    code, text = said("--backtest", 2)
    assert code == 0
    assert "origins origin forecasts" in text
