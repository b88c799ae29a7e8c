"""Categories of whole series: embedded, told when unknown, refused when they change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.rows import Row
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 12, "horizon": 4, "paths": 8, "static_size": 3}
LONG: dict[str, Any] = {"series_column": "id", "target": "y", "static": "city, kind"}


def table(path: Path, cities: dict[str, str], *, steps: int = 60) -> Path:
    rows = (
        f"{name},{city},{name[0]},{abs(np.sin(n / 3)) * 9:.0f}\n" for name, city in cities.items() for n in range(steps)
    )
    path.write_text("id,city,kind,y\n" + "".join(rows))
    return path


def prepared(folder: Path, **options: Any) -> tuple[ForecastTask, Any, Forecaster]:
    config = ForecastConfig(**SMALL, **LONG, **options)
    path = table(folder / "a.csv", {"a1": "Rome", "a2": "Oslo", "b1": "Rome"})
    data = prepare_examples(ForecastTask, Sources((path,)), config, folder / "run")
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference"))
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Forecaster)
    return task, data, model.eval()


@pytest.mark.parametrize("distribution", ["gaussian", "negative_binomial"])
def test_every_step_has_the_embedding_of_its_series(tmp_path: Path, distribution: Any):
    task, data, model = prepared(tmp_path, distribution=distribution)
    assert data.preprocessing.values["static"] == ["<unk>", "0:Oslo", "0:Rome", "1:a", "1:b"]
    part = data.parts["validation"]
    assert [it.tolist() for it in part.columns["static"]] == [[2, 3], [1, 3], [2, 4]]
    columns = {name: pad(rows) for name, rows in part.rows(range(3)).items()}
    plain, frames = columns["frames"].values, model.frames(columns)
    assert model.static is not None
    weight = model.static.weight
    for b, ids in enumerate([[2, 3], [1, 3], [2, 4]]):
        expected = torch.cat([weight[k] for k in ids]).expand(frames.shape[1], -1)
        assert torch.equal(frames[b, :, 1:7], expected)
    assert torch.equal(torch.cat([frames[..., :1], frames[..., 7:]], -1), plain)  # log nu is the last column
    task.summed_loss(model.train(), columns, 0.0).backward()
    assert weight.grad is not None
    assert (weight.grad[1:] != 0).any(1).all()
    assert (weight.grad[0] == 0).all()


def test_unknown_categories_are_told_and_are_none(tmp_path: Path):
    task, _, model = prepared(tmp_path)
    path = table(tmp_path / "b.csv", {"a9": "Rome", "a8": "Bern"}, steps=20)
    rows = list(task.read(path, task.config))
    (note,) = task.unfamiliar(rows)
    assert note == f"{rows[1].where}: city 'Bern' is no category of the training part"
    known, unknown = task.predict_rows(model, rows)
    assert known[1]["mean"] != unknown[1]["mean"]
    (encoded,) = task.encode(rows[1], task.config, task.preprocessing, labelled=False)
    assert encoded["static"].tolist() == [0, 3]


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        (
            "id,city,y\nA,x,1\nA,z,2\n",
            LONG | {"static": "city"},
            DataError,
            "row 2: .*'z', but rows .* have 'x'",
        ),
        (
            "id,city,y\nA,x,1\nA,,2\n",
            LONG | {"static": "city"},
            DataError,
            "row 2: column 'city' is empty",
        ),
        (
            "city,y\nx,1\n",
            {"target": "y", "static": "city"},
            ArgumentError,
            "describe the series of a long table",
        ),
        ("y,c\n1,2\n", {"target": "y", "covariates": "y"}, ArgumentError, r"\('y', 'y'\) one is named twice"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: dict, error: type[Exception], message: str):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(error, match=message):
        list(read_series(tmp_path / "a.csv", SeriesOptions(**options)))


def test_a_series_without_categories_is_refused_where_training_had_them(tmp_path: Path):
    task, _, _ = prepared(tmp_path)
    row = Row("what was given", series_values("x", np.arange(20.0)))
    with pytest.raises(DataError, match="what was given: the series has no city and kind: give a table"):
        list(task.encode(row, task.config, task.preprocessing, labelled=False))
