"""A series in another unit is the same series: no size of values is special."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.data.rows import Row
from tidegate.errors import DataError
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.scores import LEVELS, Forecasts
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.forecast.windows import mean_deviation

CONFIG = ForecastConfig(hidden_size=4, window=20, horizon=5, paths=8, covariates="c")
WAVE = np.sin(2 * np.pi * np.arange(80) / 12)
UNITS = [1e-300, 1e-200, 1e-12, 1.0, 1e12, 1e200, 1e299]


def row(values: Any, covariates: Any, **more: Any) -> Row:
    return Row("here", series_values("y", values, np.asarray(covariates)[:, None]) | {"learn": True, **more})


@pytest.mark.parametrize("unit", UNITS)
def test_windows_do_not_depend_on_the_unit(unit: float):
    windows = []
    for size in (1.0, unit):
        given = row(size * (WAVE + 3), size * np.cos(np.arange(80)))
        preprocessing, notes = ForecastTask.fit([given], CONFIG)
        windows.append([it["frames"] for it in ForecastTask.encode(given, CONFIG, preprocessing)])
        assert preprocessing.values["baseline"] == "last season (12 steps)", notes
    for one, other in zip(*windows, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unit", UNITS)
def test_mean_and_deviation(unit: float):
    mean, deviation = mean_deviation(unit * (WAVE + 3))
    assert mean / unit == pytest.approx((WAVE + 3).mean())
    assert deviation / unit == pytest.approx(WAVE.std())
    assert mean_deviation(np.full(7, unit)) == (unit, unit)
    assert mean_deviation(np.full(7, 0.1)) == (0.1, 0.1)
    assert mean_deviation(np.zeros(7)) == (0, 1)
    nearly = np.full(7, unit)
    nearly[3] = np.nextafter(unit, np.inf)
    assert 0 < mean_deviation(nearly)[1] < unit


def test_values_that_cannot_be_computed_with_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"reach 2e\+305, but at most 1e\+300 can be computed with"):
        ForecastTask.fit([row(1e305 * WAVE + 1e305, WAVE)], CONFIG)
    preprocessing, _ = ForecastTask.fit([row(WAVE, WAVE)], CONFIG)
    far = row(np.append(WAVE, 1e60), np.ones(81), learn=False, start=81 - 5)
    with pytest.raises(DataError, match="here: a value is too far from those of training"):
        list(ForecastTask.encode(far, CONFIG, preprocessing))


@pytest.mark.parametrize("unit", UNITS)
def test_the_verdict_does_not_depend_on_the_unit(unit: float):
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(40, 3))
    near = truth + 0.1 * draw.normal(size=(40, 3))
    found = Forecasts(
        names=["y"] * 40,
        at=np.arange(40) * 3,
        mean=unit * near,
        quantiles=unit * np.repeat(near[..., None], len(LEVELS), -1),
        crps=unit * np.abs(near - truth),
        truth=unit * truth,
        naive={"mean": unit * (truth + 1 + draw.normal(size=(40, 3)))},
        baseline="mean",
        deviation=np.full(40, unit),
        naive_error=np.full(40, unit),
    )
    assert found.verdict().startswith("Better than the mean")
    metrics = {it.name: it.value for it in found.metrics()}
    expected = 2 * np.abs(near - truth) / (np.abs(near) + np.abs(truth))
    assert metrics["sMAPE"] == pytest.approx(expected.mean())
    assert metrics["wQL"] == pytest.approx(np.abs(near - truth).sum() / np.abs(truth).sum())
