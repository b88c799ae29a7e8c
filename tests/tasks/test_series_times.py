"""Times of all kinds, exact; rows that are missing, twice or not in order are told."""

import json
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tidegate.data.series.times import START, parse_time
from tidegate.errors import DataError
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask


def seconds(*parts: int) -> int:
    past = datetime(*parts) - START  # type: ignore[arg-type]
    return past.days * 86400 + past.seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1991-03", seconds(1991, 3, 1)),
        ("2024-Q3", seconds(2024, 7, 1)),
        ("2024q1", seconds(2024, 1, 1)),
        ("2024-123", seconds(2024, 5, 2)),
        ("2024-366", seconds(2024, 12, 31)),
        ("2024-123T06:00", seconds(2024, 5, 2, 6)),
        ("2024-W05", seconds(2024, 1, 29)),
        ("2024-W05-3", seconds(2024, 1, 31)),
        ("2024-01-31T24:00", seconds(2024, 2, 1)),
        ("2024-12-31 24:00:00", seconds(2025, 1, 1)),
        ("2024-01-31T12:00", seconds(2024, 1, 31, 12)),
        ("20240131T1200", seconds(2024, 1, 31, 12)),
        ("2024-05-01T00:00:00.000000100", seconds(2024, 5, 1) + Fraction(1, 10**7)),
        ("2024-05-01T00:00:00,5", seconds(2024, 5, 1) + Fraction(1, 2)),
        (" 2024-05-01 ", seconds(2024, 5, 1)),
    ],
)
def test_dates_without_a_zone(text: str, number: Any):
    assert parse_time(text) == ("a date", number)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31T12:00Z",
        "2024-01-31T14:00+02:00",
        "2024-01-31 12:00:00 UTC",
        "2024-01-31T07:00:00-0500",
        "2024-01-31t12:00z",
        "2024-031T12:00Z",
    ],
)
def test_dates_with_a_zone_are_moments(text: str):
    assert parse_time(text) == ("a date with a time zone", seconds(2024, 1, 31, 12))


def test_numbers_are_exact():
    assert parse_time(17) == parse_time("17") == parse_time(17.0) == ("a number", 17)
    assert parse_time("1714521600.123456789") == ("a number", Fraction(1714521600123456789, 10**9))
    assert parse_time(2**60 + 1) == ("a number", 2**60 + 1)


@pytest.mark.parametrize(
    "value",
    [
        *["", "noon", "12:30", None, True, ["2024"], "nan", "inf", "1e999999999", "9" * 5000],
        *["2024-13", "2024-02-30", "2023-366", "2024-W54", "2024-1-1", "31.01.2024"],
        *["2024-01-01T23:59:60", "2024-01-01T10:30.5"],
    ],
)
def test_what_is_no_time(value: Any):
    assert parse_time(value) is None


def notes(folder: Path, times: list[Any], *, name: str = "data.csv", **config: Any) -> list[str]:
    path = folder / name
    rows = [{"time": time, "y": n % 7, "z": n % 5} for n, time in enumerate(times)]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text("time,y,z\n" + "".join(f"{row['time']},{row['y']},{row['z']}\n" for row in rows))
    return list(ForecastTask.remarks(path, ForecastConfig(**config)))


DAY = date(2024, 1, 1)
HOURS = [datetime(2024, 1, 1) + timedelta(hours=n) for n in range(200)]
MONTHS = [f"{1991 + n // 12}-{n % 12 + 1:02}" for n in range(144)]
WORKING_DAYS = [day for n in range(100) if (day := DAY + timedelta(n)).weekday() < 5]


@pytest.mark.parametrize(
    "times",
    [
        HOURS,
        MONTHS,
        WORKING_DAYS,
        [DAY + timedelta(n) for n in range(100)],
        [DAY + timedelta(7 * n) for n in range(60)],
        [f"{month}-15" for month in MONTHS],
        [date(2024, n + 1, 1) - timedelta(1) for n in range(1, 12)],  # the last days of months
        [f"{1990 + n // 4}-Q{n % 4 + 1}" for n in range(40)],
        list(range(1950, 2020)),
        list(range(0, 1000, 15)),
        [(DAY + timedelta(n)).strftime("%Y%m%d") for n in range(100)],
        [f"2024-05-01T00:00:00.{100 * n:09}" for n in range(200)],
        [f"2024-{n + 1:03}" for n in range(366)],
        [f"2024-W{n + 1:02}" for n in range(52)],
        ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00", "2024-04-02T00:00+02:00"],
        [0.1 * n for n in range(50)],
        [1],
        [1, 2],
    ],
)
@pytest.mark.parametrize("name", ["data.csv", "data.jsonl"])
def test_nothing_is_said_of_regular_times(tmp_path: Path, times: list[Any], name: str):
    assert notes(tmp_path, [it if isinstance(it, int | float) else str(it) for it in times], name=name) == []


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (
            HOURS[:50] + HOURS[90:120] + HOURS[123:],
            "43 rows are missing between steps of 1 hour, in 2 gaps, the first between row 50 (2024-01-03 01:00:00) "
            "and row 51 (2024-01-04 18:00:00); each row is taken as one step",
        ),
        (MONTHS[:20] + MONTHS[22:], "2 rows are missing between steps of 1 month, in 1 gap, the first between row 20"),
        (WORKING_DAYS[:20] + WORKING_DAYS[21:], "1 row is missing between steps of 1 working day"),
        (
            [*range(20), *range(25, 60)],
            "5 rows are missing between steps of 1, in 1 gap, the first between row 20 (19) and",
        ),
        ([2**0.5 * n * n for n in range(50)], "the times from 0 to 3395.526763257"),
        (["2024-01-01T00:00Z", "2024-01-01T01:00Z", "2024-01-01T03:00Z"], "row 3 (2024-01-01 03:00:00 UTC)"),
    ],
)
def test_missing_rows_are_told_with_their_place(tmp_path: Path, times: list[Any], said: str):
    (note,) = notes(tmp_path, times)
    assert note.startswith(f"{tmp_path / 'data.csv'}: ")
    assert said in note


def test_rows_that_are_not_in_order_are_told(tmp_path: Path):
    (note,) = notes(tmp_path, [1, 2, 4, 3, 5])
    assert "row 4: its time is before that of row 3: the rows were put in order of time" in note
    (row,) = read_series(tmp_path / "data.csv", SeriesOptions(target="y"))
    assert row.values["values"].tolist() == [0, 1, 3, 2, 4]


def test_of_many_series_some_are_named(tmp_path: Path):
    path = tmp_path / "long.csv"
    path.write_text("id,t,y\n" + "".join(f"s{n},{t},1\n" for n in range(9) for t in (1, 2, 3, 5)))
    found = ForecastTask.remarks(path, ForecastConfig(series_column="id", time_column="t", target="y"))
    assert len(found) == 6
    assert "series 's0': 1 row is missing" in found[0]
    assert found[-1].endswith("the same of 4 more series")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([1, 3, 3], "row 3: there is the same time as in row 2, 3: give each time once"),
        (
            ["2024-01-01T12:00Z", "2024-01-01T14:00+02:00"],
            "row 2: there is the same time as in row 1, 2024-01-01 12:00:00",
        ),
        (["2024-01-01T24:00", "2024-01-02"], "row 2: there is the same time as in row 1, 2024-01-02"),
        (["2024-01-01", 5], "row 2: column 'time' holds '5', which is a number, but row 1 has a date"),
        (["2024-01-01T00:00Z", "2024-01-02T00:00"], "row 2: .* which is a date, but row 1 has a date with a time zone"),
        ([1, "nan"], "row 2: column 'time' holds 'nan', which is neither a number nor a date"),
        ([1, ""], "row 2: column 'time' holds '', which is neither"),
    ],
)
def test_times_that_cannot_be_put_in_order(tmp_path: Path, times: list[Any], message: str):
    with pytest.raises(DataError, match=message):
        notes(tmp_path, times)


def test_whole_numbers_that_are_rounded_are_told(tmp_path: Path):
    for name, text in (("a.csv", f"y\n1\n{2**53 + 1}\n"), ("a.jsonl", f'{{"y": 1}}\n{{"y": {2**53 + 1}}}\n')):
        (tmp_path / name).write_text(text)
        (note,) = ForecastTask.remarks(tmp_path / name, ForecastConfig())
        assert "9007199254740993" in note
        assert "is read as 9007199254740992: whole numbers beyond 2^53 are rounded" in note
    (tmp_path / "b.csv").write_text(f"y\n{2**60}\n1e300\n1.5e16\n")
    assert ForecastTask.remarks(tmp_path / "b.csv", ForecastConfig()) == []
