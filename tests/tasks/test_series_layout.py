"""How the cells of series are written: found out and told, or refused with the row and what to say."""

from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import DataError
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask


def written(folder: Path, text: str) -> Path:
    (folder / "data.csv").write_text(text, encoding="utf-8")
    return folder / "data.csv"


def values(path: Path, **options: Any) -> list[list[float]]:
    return [row.values["values"].tolist() for row in read_series(path, SeriesOptions(**options))]


GERMAN = "Datum;Umsatz;Kunden\n2024-01-01;1.234,5;7\n2024-01-02;999;8\n2024-01-03;-0,25;9\n"


def test_semicolons_and_decimal_commas(tmp_path: Path):
    path = written(tmp_path, GERMAN)
    assert values(path, time_column="Datum") == [[1234.5, 999, -0.25], [7, 8, 9]]
    assert ForecastTask.remarks(path, ForecastConfig(time_column="Datum")) == [
        f"{path} is read as: columns separated by ';', decimal commas",
        f"{path}, row 1: '1.234,5' is read as 1234.5",
    ]
    assert ForecastTask.remarks(path, ForecastConfig(time_column="Datum", delimiter=";", decimal=",")) == [
        f"{path}, row 1: '1.234,5' is read as 1234.5"
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("y;z\n1,5;2\n2.5;3\n", {}, r"row 2: column 'y' holds '2.5', but other .* decimal commas: .*--decimal \."),
        ("y;z\n1.5;2\n2,5;3\n", {}, r"row 2: column 'y' holds '2,5', but other .* decimal points: .*--decimal ,"),
        ("y\n1.5\n", {"decimal": ","}, r"row 1: column 'y' holds '1.5', but other numbers"),
        ('y,z\n"1,234",1\n"5,678",2\n', {}, r"row 1, column 'y': '1,234' may be a number of thousands .*--decimal \."),
        ("y;z\n1.234;1\n5.678;2\n", {}, r"row 1, column 'y': '1.234' may be a number of thousands"),
        ("y;z\n1;2\n3;1 2\n", {}, r"row 2: column 'z' holds '1 2', which is not a number"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, text: str, options: dict, message: str):
    with pytest.raises(DataError, match=message):
        values(written(tmp_path, text), **options)


def test_what_is_said_decides(tmp_path: Path):
    path = written(tmp_path, "y;z\n1.234;1\n5.678;2\n")
    assert values(path, decimal=",") == [[1234, 5678], [1, 2]]
    assert values(path, decimal=".") == [[1.234, 5.678], [1, 2]]
