"""Series from tables and arrays, seasons, and what is refused."""

import gc
import json
import time
from pathlib import Path

import numpy as np
import pytest

from tidegate.data.samples.mackey_glass import mackey_glass
from tidegate.errors import DataError
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions


def written(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_every_column_of_a_wide_table_is_a_series_but_the_time(tmp_path: Path):
    path = written(tmp_path, "\ufeffdate,a,b\r\n2024-01-01,1,10\r\n2024-01-02,2,20.5\r\n")
    rows = list(read_series(path))
    assert [row.values["series"] for row in rows] == ["a", "b"]
    np.testing.assert_array_equal(rows[1].values["values"], [10, 20.5])
    assert rows[0].values["covariates"].shape == (2, 0)


def test_a_long_table_is_put_in_order_of_time(tmp_path: Path):
    text = "id,when,y\nA,2024-01-02,2\nB,2024-01-01,7\nA,2024-01-01,1\nB,2024-01-03,9\n"
    rows = list(read_series(written(tmp_path, text), SeriesOptions(series_column="id", time_column="when")))
    assert {row.values["series"]: row.values["values"].tolist() for row in rows} == {"A": [1, 2], "B": [7, 9]}


def test_times_without_a_zone_do_not_follow_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An hour that a clock put back has twice, and one that a clock put forward has not."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        stamps = ["2024-03-31T02:30", "2024-03-31T03:15", "2024-03-31T03:30"]
        text = "time,y\n" + "".join(f"{stamp},{n}\n" for n, stamp in enumerate(stamps))
        (row,) = read_series(written(tmp_path, text))
        assert row.values["values"].tolist() == [0, 1, 2]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_series_without_a_name_in_json_lines_is_refused(tmp_path: Path):
    lines = '{"id": "A", "y": 1}\n{"id": null, "y": 2}\n'
    with pytest.raises(DataError, match=r"row 2: column 'id' is empty"):
        list(read_series(written(tmp_path, lines, "data.jsonl"), SeriesOptions(series_column="id")))


def test_rows_without_a_value_are_the_future_of_covariates(tmp_path: Path):
    path = written(tmp_path, "y,c,d\n1,5,0\n2,6,0\n,7,1\n,8,1\n")
    (row,) = read_series(path, SeriesOptions(covariates="c,d"))
    assert row.values["values"].tolist() == [1, 2]
    assert row.values["covariates"].tolist() == [[5, 0], [6, 0]]
    assert row.values["future"].tolist() == [[7, 1], [8, 1]]


def test_json_lines_and_one_target(tmp_path: Path):
    lines = "".join(json.dumps({"y": k, "other": 2.5, "text": "x"}) + "\n" for k in range(3))
    (row,) = read_series(written(tmp_path, lines, "data.jsonl"), SeriesOptions(target="y"))
    assert row.values["values"].tolist() == [0, 1, 2]


def test_frames_are_series_by_feature(tmp_path: Path):
    frames = np.arange(12.0).reshape(2, 3, 2)
    np.savez(tmp_path / "data.npz", frames=frames, series=np.array(["p", "q"]))
    rows = list(read_series(tmp_path / "data.npz"))
    assert [row.values["series"] for row in rows] == ["p.0", "p.1", "q.0", "q.1"]
    assert rows[3].values["values"].tolist() == [7, 9, 11]
    rows = list(read_series(tmp_path / "data.npz", SeriesOptions(covariates="1")))
    assert [row.values["series"] for row in rows] == ["p", "q"]
    assert rows[1].values["covariates"].tolist() == [[7], [9], [11]]


# `datasets` leaves the file to the garbage collector when its reader is not read to the end.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("y\n1\n\n2\nnan\n", {}, r"row 3: column 'y' holds 'nan'"),
        ("y,z\n1,1\n2,\n", {}, r"row 2: column 'z' is empty"),
        ("y\n1\n2,5\n", {}, r"data\.csv"),
        ("y\n1\nabc\n", {}, r"row 2: column 'y' holds 'abc', which is not a number"),
        ("y\n1_000\n", {}, r"row 1: column 'y' holds '1_000', which is not a number"),
        ("y\n1e305\n", {}, r"row 1: column 'y' holds '1e305', and at most 1e\+300 is read: choose a larger unit"),
        ("y\ninf\n", {}, r"row 1: column 'y' holds 'inf'"),
        ("y\n1\n", {"target": "x"}, r"no column 'x'; there are: 'y'"),
        ("y,c\n1,\n", {"covariates": "c"}, r"row 1: column 'c' is empty"),
        ("y,c\n1,1\n,1\n3,1\n", {"covariates": "c"}, r"row 2: .* no value here but has some later"),
        ("time,y\n1,1\n3,1\n3,2\n", {}, r"row 3: .* the same time as in row 2"),
        ("time,y\nnoon,1\n", {}, r"row 1: column 'time' holds 'noon', which is neither a number nor a date"),
        ("time,y\n1,1\nnan,1\n", {}, r"row 2: column 'time' holds 'nan'"),
        ("time,y\n1,1\n-inf,1\n", {}, r"row 2: column 'time' holds '-inf'"),
        ("id,y\nA,1\n,2\n", {"series_column": "id"}, r"row 2: column 'id' is empty"),
        ("id,a,b\nA,1,2\n", {"series_column": "id"}, r"which column holds the values.*Say --target"),
        ("y\n", {}, r"has no row"),
    ],
)
def test_malformed_series_raise_with_their_place(tmp_path: Path, text: str, options: dict, message: str):
    with pytest.raises(DataError, match=message):
        list(read_series(written(tmp_path, text), SeriesOptions(**options)))
    gc.collect()


def test_other_files_and_frames_with_gaps_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"neither a table"):
        list(read_series(written(tmp_path, "1\n", "data.txt")))
    frames = np.zeros((1, 4, 2))
    frames[0, 2, 1] = np.nan
    np.savez(tmp_path / "gap.npz", frames=frames)
    with pytest.raises(DataError, match=r"gap\.npz, series 1, step 3: column 1 is nan"):
        list(read_series(tmp_path / "gap.npz"))


def test_mackey_glass_obeys_its_equation():
    """Against an independent solution: the method of steps with SciPy's integrator on the same delayed past."""
    from scipy.interpolate import CubicSpline

    series = mackey_glass(600, seed=1)
    assert 0.2 < series.min() < 0.6
    assert 1.2 < series.max() < 1.45
    at = np.arange(600.0)
    smooth = CubicSpline(at, series)
    inner = at[30:-30]
    delayed = smooth(inner - 17)
    right = 0.2 * delayed / (1 + delayed**10) - 0.1 * smooth(inner)
    np.testing.assert_allclose(smooth(inner, 1), right, atol=2e-4)
    assert not np.allclose(series, mackey_glass(600, seed=2))
