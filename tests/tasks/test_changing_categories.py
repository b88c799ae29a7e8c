"""Covariates that are categories and change from step to step: embedded, told when unknown, refused when in doubt."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import Forecaster, forget_past, inputs
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 12, "horizon": 4, "paths": 6, "static_size": 3, "season": 1}
COLUMNS: dict[str, Any] = {"target": "y", "covariates": "price,day", "past_covariates": "sky,warm"}
N = np.arange(60)
FRAME = pd.DataFrame(
    {
        "y": (np.sin(N / 3) * 9).round(),
        "price": N % 4,
        "day": np.array(["Mon", "Tue", "none"])[N % 3],
        "sky": np.array(["sun", "rain"])[(N // 4) % 2],
        "warm": N % 5,
    }
)


def written(path: Path, frame: pd.DataFrame = FRAME) -> Path:
    frame.to_csv(path, index=False)
    return path


def prepared(folder: Path, sources: Sources, **options: Any) -> tuple[ForecastTask, Any, Forecaster]:
    config = ForecastConfig(**SMALL, **COLUMNS, **options)
    data = prepare_examples(ForecastTask, sources, config, folder)
    config = ForecastTask.complete_config(config, data)
    ForecastTask.check_data(data, config)
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference"))
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Forecaster)
    return task, data, model.eval()


@pytest.mark.parametrize("distribution", ["gaussian", "negative_binomial"])
def test_categories_are_embedded_at_every_step(tmp_path: Path, distribution: Any):
    frame = FRAME.assign(y=FRAME["y"].abs())
    task, data, model = prepared(tmp_path, Sources((written(tmp_path / "a.csv", frame),)), distribution=distribution)
    assert task.config.categorical == "day,sky"
    assert data.preprocessing.values["labels"] == ["<unk>", "0:Mon", "0:Tue", "0:none", "1:rain", "1:sun"]
    assert data.notes[1] == "categories in the training part: 'day' 3, 'sky' 2"
    columns = {name: pad(rows) for name, rows in data.parts["validation"].rows([0]).items()}
    ids, plain, frames = columns["labels"].values[0], columns["frames"].values[0], model.frames(columns)[0]
    origin = len(ids) - 4
    assert ids[:, 0].tolist() == [1 + n % 3 for n in range(48 - origin, 52)]
    assert ids[:origin, 1].tolist() == [5 - (n // 4) % 2 for n in range(48 - origin, 48)]
    assert ids[origin:, 1].tolist() == [int(ids[origin - 1, 1])] * 4  # later ones are not known
    assert model.labels is not None
    weight = model.labels.weight
    counts = int(distribution == "negative_binomial")
    assert (model.past, frames.shape[1]) == (1 + 1 + 3 + 1, 1 + 1 + 3 + 1 + 1 + 3 + counts)
    assert torch.equal(frames[:, 2:5], weight[ids[:, 1]])  # among the past covariates, before whether they are known
    assert torch.equal(frames[:, 7:10], weight[ids[:, 0]])
    rest = torch.cat([frames[:, :2], frames[:, 5:7], frames[:, 10:]], 1)
    assert torch.equal(rest, plain)
    held = forget_past(model.frames(columns), torch.tensor([len(ids)]), 1, model.past)
    assert held.shape == (1, *frames.shape)
    task.summed_loss(model.train(), columns, 0.0).backward()
    assert weight.grad is not None
    assert (weight.grad[1:] != 0).any(1).all()
    assert (weight.grad[0] == 0).all()


def test_a_forecast_sees_the_categories_to_come_but_not_past_ones(tmp_path: Path):
    task, _, model = prepared(tmp_path / "run", Sources((written(tmp_path / "a.csv"),)))
    future = pd.DataFrame(
        {"price": [1] * 4, "day": ["Mon", "Mon", "Tue", "Mon"], "sky": ["sun"] * 4, "warm": [None] * 4}
    )
    found = []
    for change in ({}, {"sky": "rain"}, {"day": "Tue"}):
        frame = pd.concat([FRAME, future.assign(**change)])
        rows = list(task.read(written(tmp_path / "b.csv", frame), task.config))
        ((_, said),) = task.predict_rows(model, rows)
        found.append(said["mean"])
    assert found[0] == found[1]
    assert found[0] != found[2]
    with torch.inference_mode():  # a forecast step by step is that of a whole run on the same values
        (encoded,) = task.encode(rows[0], task.config, task.preprocessing, labelled=False)
        frames = model.frames({name: pad([it]) for name, it in encoded.items()})
        paths = model.paths(frames, torch.tensor([12]), torch.full((4, 2, 1), 0.5), [100.0])[0, 0, :, 0]
        frames[0, 12:, 0] = paths
        given = model(inputs(frames, model.past), torch.tensor([15]))[0]
        torch.testing.assert_close(model.distribution.quantile(given, torch.tensor(0.5))[0, 11:, 0], paths)
    with pytest.raises(DataError, match="covariates of 4 steps after the last value are needed, but there are 0"):
        list(task.predict_rows(model, list(task.read(tmp_path / "a.csv", task.config))))


def test_unknown_categories_are_counted_and_told_in_training_too(tmp_path: Path):
    other = FRAME.assign(day=np.where(N % 10 == 3, "Feast", FRAME["day"]))
    sources = Sources((written(tmp_path / "a.csv"),), (written(tmp_path / "b.csv", other),))
    task, data, _ = prepared(tmp_path / "run", sources)
    note = f"{tmp_path / 'b.csv'}, series 'y' (from row 1): day 'Feast' is no category of the training part (6 times)"
    assert note in data.notes
    assert list(task.unfamiliar(task.read(tmp_path / "b.csv", task.config))) == [note]
    ids = np.concatenate(data.parts["validation"].rows([0])["labels"])
    assert (ids[:, 0] == 0).any()
    many = FRAME.assign(day=[f"d{n % 8}" for n in N])
    notes = task.unfamiliar(task.read(written(tmp_path / "c.csv", many), task.config))
    assert notes[-1] == "3 more categories are not in the training part"
    assert len(notes) == 6


def test_numbers_may_be_categories_and_missing_ones_are_told(tmp_path: Path):
    frame = FRAME.assign(sky=FRAME["sky"].where(N != 7))
    path = written(tmp_path / "a.csv", frame)
    (row,) = read_series(path, SeriesOptions(**COLUMNS, categorical="price,day,sky", missing="mask"))
    assert row.values["label_columns"] == ("price", "day", "sky")
    assert row.values["labels"][7].tolist() == ["3", "Tue", ""]
    note = f"{path}, row 8: in the series 'y' 'sky' is missing in 1 row, the first here: taken as unknown"
    assert row.values["notes"][-1] == note
    assert row.values["covariates"].shape == (60, 0)
    with pytest.raises(DataError, match="row 8: column 'sky' is empty: give a category"):
        list(read_series(path, SeriesOptions(**COLUMNS)))


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("y,c\n1,x\n2,7\n", {}, DataError, "row 2: column 'c' holds '7', a number, but text .*--categorical c"),
        ("y,c\n1,7\n2,x\n", {}, DataError, "row 2: column 'c' holds 'x', which is not a number.*--categorical"),
        ("y,c\n1,x\n2,\n", {}, DataError, "row 2: column 'c' is empty"),
        ("y,c\n1,x\n", {"categorical": "y"}, ArgumentError, "categorical has 'y', which is neither in covariates"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: dict, error: type[Exception], message: str):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(error, match=message):
        list(read_series(tmp_path / "a.csv", SeriesOptions(target="y", covariates="c", **options)))


def test_files_that_do_not_fit_are_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv")
    numbers = written(tmp_path / "b.csv", FRAME.assign(day=N % 2))
    with pytest.raises(DataError, match="'day' holds numbers, or nothing, but in the training part categories"):
        prepared(tmp_path / "run", Sources((path,), (numbers,)))
    prepared(tmp_path / "run2", Sources((path,), (numbers,)), categorical="day,sky")
    free = written(tmp_path / "c.csv", FRAME.assign(day=[f"on day {n}" for n in N]))
    with pytest.raises(DataError, match="'day' has 48 different texts in 48 rows, which are hardly categories"):
        prepared(tmp_path / "run3", Sources((free,)))
