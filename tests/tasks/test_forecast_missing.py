"""Missing values: refused with their place, or filled from the past alone, told, and left out of loss and metrics."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.missing_values import carried_forward, interpolated, observed
from tidegate.data.naive import MEAN, backtest, naive_error, naive_forecast
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import inputs
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 12, "horizon": 4, "paths": 8}
NAN = np.nan


def table(folder: Path, *texts: str, name: str = "data.csv") -> Path:
    (folder / name).write_text("time,y\n" + "".join(f"{n},{text}\n" for n, text in enumerate(texts)))
    return folder / name


def wavy(steps: int = 80, *missing: int) -> list[str]:
    values = np.sin(np.arange(steps) / 3) * 10 + 20
    return ["" if n in missing else f"{value:.4f}" for n, value in enumerate(values)]


def test_what_stands_in():
    values = np.array([NAN, 1, NAN, NAN, 4, NAN])
    np.testing.assert_array_equal(carried_forward(values), [1, 1, 1, 1, 4, 4])
    np.testing.assert_array_equal(interpolated(values), [1, 1, 2, 3, 4, 4])
    np.testing.assert_array_equal(observed(values), [1, 4])
    whole = np.arange(3.0)
    assert all(it(whole) is whole for it in (carried_forward, interpolated, observed))


def test_naive_forecasts_of_what_is_there():
    values = np.array([1.0, NAN, 3, 5, NAN])
    assert naive_forecast(MEAN, values, 2).tolist() == [3, 3]
    assert naive_forecast("last value", values, 2).tolist() == [5, 5]
    assert naive_error(values, 1) == 2
    assert naive_error(values, 2) == 2
    series = [np.array([2.0, 2, 2, NAN, 4, 2])]
    assert backtest(series, ["last value"], 2) == pytest.approx(backtest_by_hand(series[0], 2))


def backtest_by_hand(values: np.ndarray, horizon: int) -> float:
    """The last value before every moment of the second half, against what is observed after it."""
    errors = []
    for at in range((len(values) + 1) // 2, len(values) - horizon + 1):
        past, truth = values[:at], values[at : at + horizon]
        errors += [abs(past[~np.isnan(past)][-1] - it) for it in truth if not np.isnan(it)]
    return float(np.mean(errors))


@pytest.mark.parametrize("text", ["", "NaN", "NA", "n/a", "null", "None", "#N/A", "<NA>"])
def test_missing_values_are_refused_with_their_row(tmp_path: Path, text: str):
    path = table(tmp_path, "1", text, "3")
    with pytest.raises(
        DataError, match=r"row 2: column 'y' .*: give a value, or say --missing mask or --missing inter"
    ):
        list(read_series(path))
    (row,) = read_series(path, SeriesOptions(missing="mask"))
    np.testing.assert_array_equal(row.values["values"], [1, NAN, 3])


@pytest.mark.parametrize("how", ["mask", "interpolate"])
def test_what_is_missing_is_told(tmp_path: Path, how: Any):
    path = table(tmp_path, "", "", "5", "", "NA", "7", "8", "")
    (row,) = read_series(path, SeriesOptions(missing=how))
    np.testing.assert_array_equal(row.values["values"], [5, NAN, NAN, 7, 8])
    assert row.where.endswith("series 'y' (from row 3)")
    assert ForecastTask.remarks(path, ForecastConfig(missing=how)) == [
        f"{path}, row 4: in the series 'y' 2 values are missing, the first here: {how.removesuffix('e')}ed",
        f"{path}, row 3: here the series 'y' begins, after 2 rows without a value",
        f"{path}, row 7: here the series 'y' ends, before 1 row without a value, and its forecast begins",
    ]


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (["", ""], {"missing": "mask"}, r"row 1: the series 'y' has no value at all"),
        (["1", "inf"], {"missing": "mask"}, r"row 2: column 'y' holds 'inf': give a finite number"),
        (["1", "-"], {"missing": "mask"}, r"row 2: column 'y' holds '-', which is not a number"),
    ],
)
def test_what_is_refused_even_so(tmp_path: Path, texts: list[str], options: dict, message: str):
    with pytest.raises(DataError, match=message):
        list(read_series(table(tmp_path, *texts), SeriesOptions(**options)))


def test_series_of_a_wide_table_begin_and_end_where_they_do(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a,b\n1,\n2,5\n,6\n")
    a, b = read_series(tmp_path / "a.csv", SeriesOptions(missing="mask"))
    assert (a.values["values"].tolist(), b.values["values"].tolist()) == ([1, 2], [5, 6])


def test_missing_covariates_are_interpolated_and_missing_frames_read(tmp_path: Path):
    (tmp_path / "a.csv").write_text("y,c\n1,1\n,\n3,3\n,4\n,\n,6\n")
    (row,) = read_series(tmp_path / "a.csv", SeriesOptions(missing="mask", covariates="c"))
    np.testing.assert_array_equal(row.values["values"], [1, NAN, 3])
    assert row.values["covariates"].tolist() == [[1], [2], [3]]
    assert row.values["future"].tolist() == [[4], [5], [6]]
    frames = np.arange(8.0).reshape(1, 4, 2)
    frames[0, 1, 0] = NAN
    np.savez(tmp_path / "a.npz", frames=frames)
    with pytest.raises(DataError, match=r"series 1, step 2: column 0 is nan or inf: say --missing"):
        list(read_series(tmp_path / "a.npz"))
    first, second = read_series(tmp_path / "a.npz", SeriesOptions(missing="interpolate"))
    np.testing.assert_array_equal(first.values["values"], [0, NAN, 4, 6])
    assert second.values["values"].tolist() == [1, 3, 5, 7]


def prepared(folder: Path, path: Path, **options: Any) -> tuple[ForecastTask, Any, Any]:
    config = ForecastConfig(**{**SMALL, **options})
    data = prepare_examples(ForecastTask, Sources((path,)), config, folder)
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference"))
    torch.manual_seed(0)
    return task, data, task.new_model().eval()


def test_complete_series_are_encoded_as_ever(tmp_path: Path):
    path = table(tmp_path, *wavy())
    _, plain, _ = prepared(tmp_path / "a", path)
    for how in ("mask", "interpolate"):
        _, data, _ = prepared(tmp_path / how, path, missing=how)
        assert data.preprocessing.values == plain.preprocessing.values
        for part in ("train", "validation", "test"):
            for old, new in zip(plain.parts[part].columns["frames"], data.parts[part].columns["frames"], strict=True):
                np.testing.assert_array_equal(new[:, [0]], old)
                assert new[:, 1:].all()


def test_frames_depend_on_the_past_alone(tmp_path: Path):
    """Other values after the origin change nothing before it, also where the gap reaches over the origin."""
    config = ForecastConfig(**SMALL, missing="interpolate")
    _, data, _ = prepared(tmp_path / "run", table(tmp_path, *wavy()), missing="interpolate")
    found = []
    for later in ("3", "99"):
        (row,) = ForecastTask.read(table(tmp_path, *wavy(30, 8, 19, 20), *[later] * 4), config)
        row.values["start"] = 20
        first, *_ = ForecastTask.encode(row, config, data.preprocessing)
        found.append(first)
    np.testing.assert_array_equal(found[0]["frames"][:12], found[1]["frames"][:12])
    assert found[0]["frames"][11] == found[0]["frames"][10]  # carried forward: nothing is known after it
    assert found[0]["counted"].tolist()[:2] == [0, 0]  # the value after a gap was read in what stands in for it


@pytest.mark.parametrize("how", ["mask", "interpolate"])
def test_only_observed_values_count(tmp_path: Path, how: str):
    missing = {10, 11, 30, 66, 74, 75}
    task, data, model = prepared(tmp_path / "run", table(tmp_path, *wavy(80, *missing)), missing=how)
    part = data.parts["train"]
    columns = {name: pad(rows) for name, rows in part.rows(range(len(part))).items()}
    frames = columns["frames"].values
    given = model(inputs(frames, model.past), columns["frames"].lengths - 1)[0]
    losses = model.distribution.loss(given, frames[:, 1:, :1])[..., 0]
    starts = range(0, 52, 3)
    counts = [n not in missing and (how == "mask" or n - 1 not in missing) for n in range(64)]
    seen = np.array([counts[start + 1 : start + 13] for start in starts])
    assert len(part) == len(starts)
    assert task.predictions(part).tolist() == seen.sum(1).tolist()
    expected = losses[torch.from_numpy(seen)].sum()
    torch.testing.assert_close(task.summed_loss(model, columns, 0.0), expected)
    with torch.inference_mode():
        report = task.measure(model, data.parts["test"], tables=False)
    assert report.predictions == 8 - 2  # steps 74 and 75 of the last 8
    assert np.isfinite([report.loss, *(it.value for it in report.metrics)]).all()
    (baseline,) = task.baselines()[0].values()
    assert np.isfinite(baseline)


def test_a_masked_step_is_an_input_of_its_own(tmp_path: Path):
    task, data, _ = prepared(tmp_path / "run", table(tmp_path, *wavy(80, 3, 4)), missing="mask")
    first = data.parts["train"].columns["frames"][0]
    assert first[:6, 1].tolist() == [1, 1, 1, 0, 0, 1]
    assert first[3, 0] == first[4, 0] == first[2, 0]
    (row,) = ForecastTask.read(table(tmp_path, *wavy(20, 3), name="b.csv"), task.config)
    ((_, prediction),) = task.predict_rows(task.new_model().eval(), [row])
    assert np.isfinite(prediction["mean"]).all()


def test_a_series_in_which_nothing_can_be_learned_is_refused(tmp_path: Path):
    path = table(tmp_path, *(str(n) if n % 2 else "" for n in range(80)))
    with pytest.raises(DataError, match="no value follows another, so there is nothing to learn"):
        prepared(tmp_path / "run", path, missing="interpolate")


DAYS = ["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06", "2024-01-07"]
MONTHS = ["2024-01-31", "2024-02-29", "2024-04-30", "2024-05-31"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (DAYS, [0, 1, NAN, NAN, 2, 3, 4]),
        (MONTHS, [0, 1, NAN, 2, 3]),
        (["5", "1", "2", "3"], [1, 2, 3, NAN, 0]),
        (["2024-01-01", "2024-01-02"], [0, 1]),
    ],
)
def test_missing_rows_are_filled(tmp_path: Path, times: list[str], expected: list[float]):
    (tmp_path / "a.csv").write_text("time,y,c\n" + "".join(f"{time},{n},{n}\n" for n, time in enumerate(times)))
    config = ForecastConfig(missing="mask", missing_rows="fill", covariates="c")
    (row,) = read_series(tmp_path / "a.csv", config)
    np.testing.assert_array_equal(row.values["values"], expected)
    np.testing.assert_array_equal(row.values["covariates"][:, 0], interpolated(np.array(expected)))
    notes = [it for it in ForecastTask.remarks(tmp_path / "a.csv", config) if "are missing between" in it]
    assert all(it.endswith(": filled with missing values") for it in notes)


@pytest.mark.parametrize(
    ("times", "options", "message"),
    [
        (DAYS, {"missing_rows": "refuse"}, r"2 rows are missing .* row 2 \(2024-01-02\) and row 3 .*: add the missing"),
        (["1", "2", "3", "99"], {"missing_rows": "fill", "missing": "mask"}, "95 rows are missing .*, more than there"),
        (
            ["1", "7", "8", "30", "99"],
            {"missing_rows": "fill", "missing": "mask"},
            "irregular, so it is not known",
        ),
    ],
)
def test_missing_rows_that_are_refused(tmp_path: Path, times: list[str], options: dict, message: str):
    (tmp_path / "a.csv").write_text("time,y\n" + "".join(f"{time},{n}\n" for n, time in enumerate(times)))
    with pytest.raises(DataError, match=message):
        list(read_series(tmp_path / "a.csv", SeriesOptions(**options)))


def test_rows_are_filled_with_missing_values_only_where_these_are_read(tmp_path: Path):
    with pytest.raises(ArgumentError, match="missing_rows is 'fill', which makes missing values, but missing is 'ref"):
        list(read_series(tmp_path / "a.csv", SeriesOptions(missing_rows="fill")))
