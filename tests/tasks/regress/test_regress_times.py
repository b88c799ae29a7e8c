"""Rows of series with inputs and targets have times: they are put in order, gaps are told, predictions carry them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
import torch

from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.output import write_predictions
from tidegate.tasks.regress.preparation import fit_series
from tidegate.tasks.regress.task import RegressTask

GAPS = (7, 8, 19)
COLUMNS: dict[str, Any] = {"inputs": "rain,area", "static": None, "targets": "flow", "time_column": "day"}


def table(folder: Path, **columns: Any) -> pd.DataFrame:
    """Write 37 days of two basins, three days of one of them missing, in random order; return them in order."""
    draw, days = np.random.default_rng(0), pd.date_range("2023-12-20", periods=37)
    parts = []
    for n, basin in enumerate(("b", "a")):
        part = pd.DataFrame({"basin": basin, "day": days, "rain": draw.gamma(1, 1, 37), "area": 3.0 + n})
        part["flow"] = part.rain.rolling(3, min_periods=1).mean()
        parts.append(part.drop(index=list(GAPS)) if n == 0 else part)
    whole = pd.concat(parts, ignore_index=True).assign(**columns)
    mixed = whole.sample(frac=1, random_state=1)
    mixed.assign(day=mixed.day.dt.strftime("%d.%m.%Y")).to_csv(folder / "a.csv", index=False)
    return whole.assign(row=whole.index.map({index: n for n, index in enumerate(mixed.index, 1)}))


def read(folder: Path, **config: Any) -> dict[str, dict[str, Any]]:
    settings: dict[str, Any] = COLUMNS | {"series_column": "basin"} | config
    found = RegressTask.read(folder / "a.csv", RegressConfig(**settings))
    return {row.values["series"]: row.values for row in found}


def test_rows_are_put_in_order_and_gaps_are_told(tmp_path: Path) -> None:
    whole = table(tmp_path)
    found = read(tmp_path)
    for basin, own in whole.groupby("basin"):
        np.testing.assert_array_equal(found[str(basin)]["inputs"], own[["rain", "area"]])
        np.testing.assert_array_equal(found[str(basin)]["targets"], own[["flow"]])
        np.testing.assert_array_equal(found[str(basin)]["rows"], own.row)
    notes = RegressTask.remarks(tmp_path / "a.csv", RegressConfig(**COLUMNS, series_column="basin"))
    assert any(it.endswith("dates as day.month.year (%d.%m.%Y)") for it in notes)
    assert sum("the rows were put in order of time" in it for it in notes) == 2
    (gaps,) = [it for it in notes if "missing" in it]
    assert "'b': 3 rows are missing between steps of 1 day, in 2 gaps" in gaps
    assert gaps.endswith("or say --missing-rows fill")


@pytest.mark.parametrize("missing", ["previous", "mean"])
def test_missing_rows_are_filled_as_pandas_does(tmp_path: Path, missing: str) -> None:
    whole = table(tmp_path)
    found = read(tmp_path, missing_rows="fill", missing=missing, static="area", inputs="rain")["b"]
    own = whole[whole.basin == "b"].set_index("day").asfreq("D")
    rain = own.rain.ffill() if missing == "previous" else own.rain
    np.testing.assert_array_equal(found["inputs"], np.stack([rain, own.area.ffill()], 1))
    np.testing.assert_array_equal(found["targets"], own[["flow"]])
    np.testing.assert_array_equal(found["kept"], own.flow.notna())
    assert found["filled"] == len(GAPS)


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"missing_rows": "refuse"}, DataError, r"series 'b': 3 rows are missing.*add the missing rows"),
        ({"series_column": None}, DataError, r"there is the same time as in row.*say --series-column"),
        ({"time_column": "month"}, DataError, r"there is no column 'month'; there are: 'basin', 'day'"),
        ({"time_column": "basin"}, DataError, r"column 'basin' holds 'a', which is neither a number nor a date"),
        ({"date_format": "%m/%d/%Y"}, DataError, r"is not written as month/day/year"),
        ({"missing_rows": "fill"}, ArgumentError, "but missing is 'refuse': say 'previous' or 'mean'"),
        ({"missing_rows": "fill", "missing": "mean", "elapsed": "log"}, ArgumentError, "leave out elapsed"),
        ({"time_column": None, "elapsed": "log"}, ArgumentError, "elapsed is for a column of times, but none is named"),
        ({"time_column": None, "missing_rows": "refuse"}, ArgumentError, "missing_rows is for a column of times"),
        ({"inputs": "rain,elapsed time", "elapsed": "log"}, ArgumentError, "'elapsed time': named more than once"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, config: dict[str, Any], error: type[Exception], message: str
) -> None:
    table(tmp_path)
    with pytest.raises(error, match=message):
        read(tmp_path, **config)


def test_arrays_and_recordings_have_no_times(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", frames=np.zeros((1, 4, 1)), targets=np.zeros((1, 4)))
    config = RegressConfig(time_column="day")
    for name in ("a.npz", "a.wav"):
        with pytest.raises(DataError, match="has no column of times: leave out --time-column"):
            list(RegressTask.read(tmp_path / name, config))


@pytest.mark.parametrize("how", ["log", "scaled"])
def test_the_elapsed_time_is_an_input_and_the_mask_of_a_cell(tmp_path: Path, how: str) -> None:
    whole = table(tmp_path)
    small: dict[str, Any] = {"cell": "time_lstm", "hidden_size": 5, "burn_in": 0, "taps": 2}
    config = RegressConfig(**COLUMNS, **small, series_column="basin", elapsed=how)  # type: ignore[arg-type]
    found = list(RegressTask.read(tmp_path / "a.csv", config))
    days = whole[whole.basin == "b"].day.diff().dt.total_seconds().fillna(86400.0).to_numpy()
    row = next(it for it in found if it.values["series"] == "b")
    assert row.values["columns"][0] == ["rain", "area", "elapsed time"]
    np.testing.assert_allclose(row.values["inputs"][:, 2], np.log(days) if how == "log" else days)
    preprocessing, _ = fit_series(found, config)
    model = RegressTask.make_model(config, preprocessing, "reference")
    (encoded,) = RegressTask.encode(row, config, preprocessing, labelled=False)
    x = torch.from_numpy(encoded["inputs"])[:, None]
    every = np.concatenate([days, np.full(37, 86400.0)])
    usual = np.exp(np.log(every).mean()) if how == "log" else every.mean()
    masks = {"dt": torch.from_numpy(days / usual).float()[:, None]}
    assert model.direct is not None
    with torch.no_grad():
        h, _ = model.recurrent(x, masks=masks)
        expected = model.output(h) + model.direct(x)
        torch.testing.assert_close(model(x)[0], expected, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(model.output(model.recurrent(x)[0]), model.output(h))


@pytest.mark.parametrize("missing_rows", ["report", "fill"])
def test_predictions_carry_the_times_of_their_rows(tmp_path: Path, missing_rows: str) -> None:
    whole = table(tmp_path)
    small: dict[str, Any] = {"missing": "mean", "hidden_size": 4, "burn_in": 0, "taps": 2}
    config = RegressConfig(**COLUMNS, **small, series_column="basin", missing_rows=missing_rows)  # type: ignore[arg-type]
    rows = list(RegressTask.read(tmp_path / "a.csv", config))
    preprocessing, _ = fit_series(rows, config)
    task = RegressTask(config, Preprocessing(preprocessing.values))
    model = RegressTask.make_model(config, preprocessing, "reference").eval()
    expected = pd.DataFrame({"series": whole.basin, "time": whole.day, "row": whole.row})
    for name in ("p.csv", "p.parquet"):
        assert not write_predictions(task.predict_rows(model, rows), tmp_path / name)
    written = pd.read_csv(tmp_path / "p.csv")
    assert list(written) == ["series", "time", "row", "flow"]
    assert written.time.str.fullmatch(r"\d\d\.\d\d\.202[34]").all()
    typed = parquet.read_table(tmp_path / "p.parquet").to_pandas()
    assert str(typed.time.dtype).startswith("datetime64")
    np.testing.assert_allclose(typed.flow, written.flow, rtol=1e-8)
    for frame in (typed, written.assign(time=pd.to_datetime(written.time, format="%d.%m.%Y"))):
        pair = [it.sort_values("row").drop(columns="flow", errors="ignore") for it in (frame, expected)]
        pd.testing.assert_frame_equal(*(it.reset_index(drop=True) for it in pair), check_dtype=False)


def test_a_target_called_as_a_column_of_predictions_is_refused(tmp_path: Path) -> None:
    table(tmp_path, time=1.0)
    (row, _) = RegressTask.read(tmp_path / "a.csv", RegressConfig(**COLUMNS, series_column="basin"))
    with pytest.raises(ArgumentError, match="a target is called 'time', as a column of predictions is"):
        write_predictions([(row, {"values": {"time": [0.0] * len(row.values["rows"])}})], tmp_path / "p.csv")
    assert not (tmp_path / "p.csv").exists()
