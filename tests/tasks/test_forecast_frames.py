"""Data frames: what is trained and predicted is what files of the same values give; frames come back."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest

from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.forecast import predict_frame, train_frame
from tidegate.tasks.forecast.prediction_table import prediction_table
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import Run

SMALL: dict[str, Any] = {"cell": "rnn_tanh", "hidden_size": 4, "window": 20, "horizon": 3, "paths": 7}
TIMES = pd.date_range("2024-01-01", periods=63, freq="D")
VALUES = np.random.default_rng(0).normal(size=(60, 2))
FRAME = pd.DataFrame({"day": TIMES[:60], "a": VALUES[:, 0], "b": VALUES[:, 1]})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("frames") / "run"
    training = {"steps": 2, "warmup_steps": 1, "device": "cpu"}
    return train_frame(FRAME, folder, training=training, time_column="day", **SMALL)


def test_a_frame_is_read_as_its_file_and_comes_back(run: Run, tmp_path: Path):
    assert run.config.model.horizon == 3
    found = predict_frame(run, FRAME, paths=True)
    assert isinstance(found, pd.DataFrame)
    assert found["time"].tolist() == [*TIMES[60:], *TIMES[60:]]
    assert found["time"].dtype == FRAME["day"].dtype
    assert found["series"].tolist() == ["a"] * 3 + ["b"] * 3
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    task = ForecastTask(run.config.model, run.vocabulary)
    rows = ForecastTask.read(tmp_path / "a.csv", run.config.model)
    expected = prediction_table(task.predict_rows(run.model, rows)).columns
    np.testing.assert_allclose(found["mean"], expected["mean"], rtol=1e-12)
    np.testing.assert_allclose(found[[f"path{n}" for n in range(1, 8)]].mean(axis=1), found["mean"])


def test_times_may_be_the_index_and_frames_of_other_libraries(run: Run):
    expected = predict_frame(run, FRAME)
    indexed = predict_frame(run, FRAME.set_index("day"))
    pd.testing.assert_frame_equal(indexed, expected)
    arrow = predict_frame(run, pyarrow.Table.from_pandas(FRAME))
    assert isinstance(arrow, pyarrow.Table)
    pd.testing.assert_frame_equal(arrow.to_pandas(), expected)
    polars = pytest.importorskip("polars")
    found = predict_frame(run, polars.from_pandas(FRAME))
    assert isinstance(found, polars.DataFrame)
    assert found["mean"].to_list() == expected["mean"].tolist()


def test_what_cannot_be_used_is_refused(run: Run, tmp_path: Path):
    with pytest.raises(ArgumentError, match=r"The frame is a builtins\.dict, but should be a data frame of pandas"):
        predict_frame(run, {"a": [1.0]})
    with pytest.raises(DataError, match=r"frame\.parquet, row 4: column 'a' is empty"):
        predict_frame(run, FRAME.assign(a=FRAME["a"].where(FRAME.index != 3)))
    with pytest.raises(ArgumentError, match="There is no setting 'horizont'"):
        train_frame(FRAME, tmp_path / "run", horizont=3)
    assert not (tmp_path / "run").exists()
    unnamed = FRAME.set_index("day").rename_axis(None).assign(time=1.0)
    with pytest.raises(ArgumentError, match="times in its index and in its column 'time'"):
        predict_frame(run, unnamed)
