"""Inside a forecaster: what it expected, and what it expects."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.tasks import ForecasterLook, look_at
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask

SMALL = ForecastConfig(hidden_size=5, horizon=4, window=20, paths=15, distribution="gaussian", num_layers=2)
SHARES = (0.6, 0.2, 0.2)


def table(folder: Path, *, known: bool = False) -> list[Path]:
    lines = (f"{10 + 3 * math.sin(t / 3):.5f}" + (f",{t % 4}" if known else "") for t in range(100))
    (folder / "series.csv").write_text(("a,k\n" if known else "a\n") + "".join(line + "\n" for line in lines))
    return [folder / "series.csv"]


def looked(run: Any, given: Any, **options: Any) -> ForecasterLook:
    look = look_at(run, given, **options)
    assert isinstance(look, ForecasterLook)
    return look


@pytest.mark.parametrize("length", [1, 7, 63])
def test_expected_quantiles_follow_from_the_trace(tmp_path: Path, length: int) -> None:
    task, run = tiny_run(ForecastTask, table(tmp_path), SMALL, shares=SHARES)
    values = 10 + np.cos(np.arange(length) / 2)
    look = looked(run, values)
    known = min(length, 20)
    np.testing.assert_allclose(look.history, values[-known:], rtol=1e-5)
    steps = look.steps["input"]
    assert len(steps) == len(steps.read) == known
    own = {name: it.detach().double().numpy() for name, it in run.model.named_parameters()}
    (mean, deviation) = np.mean(values), np.std(values) if length > 1 else values[0]  # a new series
    if task.config.normalise != "series":
        mean, deviation = task.preprocessing.numbers("overall")
    says = steps.trace[1, 0]["h"] @ own["output.weight"].T + own["output.bias"]
    location = says[:, 0] + own["last"][0] * (values[-known:] - mean) / deviation
    for k, level in enumerate(look.levels):
        quantile = location + np.exp(np.maximum(says[:, 1], math.log(1e-4))) * NormalDist().inv_cdf(level)
        np.testing.assert_allclose(look.expected[:, k], mean + deviation * quantile, rtol=1e-4)


def test_quantiles_ahead_are_those_of_predict(tmp_path: Path) -> None:
    config = replace(SMALL, covariates="k", distribution="quantiles", target="a")
    task, run = tiny_run(ForecastTask, table(tmp_path, known=True), config, shares=SHARES)
    look = looked(run, 0)
    (told,) = list(task.read(tmp_path / "series.csv", config))
    values = told.values["values"]
    np.testing.assert_allclose(look.history, values[40:60], rtol=1e-5)
    assert look.truth is not None
    np.testing.assert_allclose(look.truth["values"], values[60:64], rtol=1e-6)
    cut = {"values": values[:60], "covariates": told.values["covariates"][:60]}
    row = type(told)(told.where, told.values | cut | {"future": told.values["covariates"][60:]})
    ((_, said),) = task.predict_rows(run.model, [row])
    np.testing.assert_allclose(look.prediction["mean"], said["mean"], rtol=1e-5)
    np.testing.assert_allclose(look.ahead[:, 2], said["quantiles"]["0.5"], rtol=1e-5)
    assert look.ahead.shape == (4, 5)
    assert (np.diff(look.ahead, axis=1) >= 0).all()
    np.testing.assert_allclose(looked(run, row).ahead, look.ahead, rtol=1e-5)
    with pytest.raises(ArgumentError, match="windows to train on"):
        look_at(run, 0, part="train")


def test_a_series_is_one_line_of_numbers(tmp_path: Path) -> None:
    _, run = tiny_run(ForecastTask, table(tmp_path), SMALL, shares=SHARES)
    with pytest.raises(ArgumentError, match=r"should be \(T,\), but is \(7, 2\)"):
        look_at(run, np.zeros((7, 2)))
