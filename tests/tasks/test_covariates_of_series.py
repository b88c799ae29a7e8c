"""Covariates of which only the past is known, and the time between rows as an input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError
from tidegate.lens.tasks.example import Example
from tidegate.lens.tasks.forecaster import look_at_series
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import Forecaster, forget_past, inputs
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 12, "horizon": 4, "paths": 8}


def prepared(folder: Path, path: Path, **options: Any) -> tuple[ForecastTask, Any, Forecaster]:
    config = ForecastConfig(**{**SMALL, **options})
    data = prepare_examples(ForecastTask, Sources((path,)), config, folder)
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference"))
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Forecaster)
    return task, data, model.eval()


def table(path: Path, later: float = 0.0, *, steps: int = 60) -> Path:
    """A target, a covariate known in advance and one that is not, which differs from step 50 on by ``later``."""
    n = np.arange(steps)
    y, known, past = np.sin(n / 3), n % 7, np.cos(n / 5) + later * (n >= 50)
    lines = (f"{a:.5f},{b},{c:.5f}\n" for a, b, c in zip(y, known, past, strict=True))
    path.write_text("y,known,past\n" + "".join(lines))
    return path


OPTIONS: dict[str, Any] = {"target": "y", "covariates": "known", "past_covariates": "past"}


def test_of_past_covariates_only_the_past_is_read(tmp_path: Path):
    found = []
    for later in (0.0, 100.0):
        task, data, model = prepared(tmp_path / f"run{later}", table(tmp_path / "a.csv", later), **OPTIONS)
        (frames,), (at,) = (data.parts["validation"].rows([0])[name] for name in ("frames", "at"))
        origin = len(frames) - 4
        assert at[0] == 48
        assert frames[:, 2].tolist() == [1] * origin + [0] * 4
        assert (frames[origin:, 1] == frames[origin - 1, 1]).all()
        columns = {name: pad(rows) for name, rows in data.parts["validation"].rows([0]).items()}
        with torch.inference_mode():
            found.append((frames, task.predict(model, columns)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_past_covariates_change_the_forecast_and_need_no_future(tmp_path: Path):
    task, _, model = prepared(tmp_path / "run", table(tmp_path / "a.csv"), **OPTIONS)
    lines = table(tmp_path / "b.csv", steps=30).read_text().splitlines()
    means = []
    for last in ("1.0", "-1.0"):
        rest = [*lines[:-1], lines[-1].rpartition(",")[0] + "," + last, *[f",{n},"[:9] for n in range(4)]]
        (tmp_path / "b.csv").write_text("\n".join(rest) + "\n")
        ((_, prediction),) = task.predict_rows(model, list(task.read(tmp_path / "b.csv", task.config)))
        means.append(prediction["mean"])
    assert means[0] != means[1]


def test_training_forgets_the_past_as_a_forecast_does():
    """Against a loop."""
    frames, lengths = torch.randn(50, 9, 6), torch.randint(2, 9, (50,))
    frames[..., 3] = 1
    torch.manual_seed(3)
    last = (torch.rand(50) * 2 * lengths).long()
    torch.manual_seed(3)
    found = forget_past(frames, lengths, 1, 4)
    expected = frames.clone()
    for b in range(50):
        for t in range(9):
            if t > last[b]:
                expected[b, t, 1:3], expected[b, t, 3] = frames[b, last[b], 1:3], 0
    assert torch.equal(found, expected)
    assert 0.3 < (last >= lengths).float().mean() < 0.7  # in half of the windows nothing is forgotten


def test_the_loss_trains_on_both(tmp_path: Path):
    task, data, model = prepared(tmp_path / "run", table(tmp_path / "a.csv"), **OPTIONS)
    columns = {name: pad(rows) for name, rows in data.parts["train"].rows(range(4)).items()}
    evaluated = task.summed_loss(model, columns, 0.0)
    losses = {task.summed_loss(model.train(), columns, 0.0).item() for _ in range(4)}
    assert len(losses) > 1  # at random
    assert evaluated.item() == task.summed_loss(model.eval(), columns, 0.0).item()


def test_a_missing_past_covariate_is_refused_or_carried(tmp_path: Path):
    (tmp_path / "a.csv").write_text("y,p\n1,1\n2,\n3,3\n")
    with pytest.raises(DataError, match=r"row 2: a past covariate has no value here, but the series 'y' has"):
        list(read_series(tmp_path / "a.csv", SeriesOptions(past_covariates="p")))
    (row,) = read_series(tmp_path / "a.csv", SeriesOptions(past_covariates="p", missing="interpolate"))
    assert row.values["past"].tolist() == [[1], [1], [3]]


HOURS = np.cumsum(np.tile([1, 1, 4, 2, 0.5], 12))


def irregular(path: Path, *more: str) -> Path:
    lines = (f"{hour},{np.sin(hour / 5):.5f}\n" for hour in HOURS)
    path.write_text("time,y\n" + "".join([*lines, *more]))
    return path


def test_the_time_to_the_next_row_is_an_input(tmp_path: Path):
    path = irregular(tmp_path / "a.csv")
    (row,) = read_series(path, SeriesOptions(elapsed="log"))
    expected = np.log([1, *np.diff(HOURS)])  # of the first row the median
    np.testing.assert_allclose(row.values["covariates"][:, 0], expected)
    (note,) = ForecastTask.remarks(path, ForecastConfig(elapsed="log"))
    assert note.endswith("irregular; the time between rows is an input, and steps to come are taken to be of the usual "
                         "length")  # fmt: skip
    task, data, model = prepared(tmp_path / "run", path, elapsed="scaled")
    mean, deviation = (data.preprocessing.values[name][0] for name in ("mean", "deviation"))
    steps = np.array([1, *np.diff(HOURS)])[:48]
    assert (mean, deviation) == pytest.approx((steps.mean(), steps.std()))
    frames = data.parts["train"].columns["frames"][0]
    np.testing.assert_allclose(frames[:, 1] * deviation + mean, steps[: len(frames)], rtol=1e-5)
    (encoded,) = task.encode(next(iter(task.read(path, task.config))), task.config, task.preprocessing, labelled=False)
    np.testing.assert_allclose(encoded["frames"][-4:, 1] * deviation + mean, [1] * 4, rtol=1e-5)
    ((_, prediction),) = task.predict_rows(model, list(task.read(path, task.config)))
    assert np.isfinite(prediction["mean"]).all()


def test_times_of_steps_to_come_are_read(tmp_path: Path):
    path = irregular(tmp_path / "a.csv", "200,\n", "201,\n", "210,\n", "211,\n")
    (row,) = read_series(path, SeriesOptions(elapsed="scaled", missing="mask"))
    np.testing.assert_allclose(row.values["future"][:, 0], [200 - HOURS[-1], 1, 9, 1])


def test_times_that_are_too_far_apart_are_refused(tmp_path: Path):
    (tmp_path / "a.csv").write_text("time,y\n1,1\n2,2\n1e300,3\n")
    with pytest.raises(DataError, match="which is too little or too much to be computed with: choose another unit"):
        list(read_series(tmp_path / "a.csv", SeriesOptions(elapsed="log")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"elapsed": "log", "missing_rows": "fill", "missing": "mask"}, "after which all rows are equally far apart"),
        ({"elapsed": "log"}, r"elapsed is for a column of times, but .*a\.csv has none"),
    ],
)
def test_elapsed_times_need_times(tmp_path: Path, options: dict, message: str):
    (tmp_path / "a.csv").write_text("y\n1\n2\n")
    with pytest.raises(ArgumentError, match=message):
        list(read_series(tmp_path / "a.csv", SeriesOptions(**options)))


@pytest.mark.parametrize("how", ["log", "scaled"])
@pytest.mark.parametrize("cell", ["cfc", "time_lstm"])
def test_cells_for_irregular_series_take_the_time_before_each_step(tmp_path: Path, cell: str, how: Any):
    """A forecast step by step is the one of a whole run on the same values; and both know the times."""
    task, data, model = prepared(tmp_path / "run", irregular(tmp_path / "a.csv"), elapsed=how, cell=cell)
    assert model.elapsed is not None
    (frames,) = (torch.from_numpy(it.copy())[None] for it in data.parts["validation"].rows([0])["frames"])
    steps = np.diff(HOURS, prepend=HOURS[0] - 1)[36:52]  # 48 steps of training, the window of 12 before the forecast
    (mean,) = data.preprocessing.values["mean"]
    usual = steps / (np.exp(mean) if how == "log" else mean)
    np.testing.assert_allclose(model.elapsed.of_frames(frames)[0], usual, rtol=1e-4)
    np.testing.assert_allclose(model.elapsed.of_inputs(inputs(frames))[0, 1:], model.elapsed.of_frames(frames)[0, 1:-1])
    with torch.inference_mode():
        paths = model.paths(frames, torch.tensor([12]), torch.full((4, 2, 1), 0.5), [100.0])[0, 0, :, 0]
        frames[0, 12:, 0] = paths
        given = model(inputs(frames), torch.tensor([15]))[0]
        torch.testing.assert_close(model.distribution.quantile(given, torch.tensor(0.5))[0, 11:, 0], paths)
        plain = model.elapsed
        model.elapsed = None
        assert not torch.allclose(model(inputs(frames), torch.tensor([15]))[0], given)
        model.elapsed = plain
    (row,) = task.read(tmp_path / "a.csv", task.config)
    (encoded,) = task.encode(row, task.config, task.preprocessing, labelled=False)
    columns = {name: pad([it]) for name, it in encoded.items()}
    with pytest.raises(ArgumentError, match=f"The cell {cell} takes the time between rows at every step"):
        look_at_series(task, model, Example(encoded, columns, row, None))
