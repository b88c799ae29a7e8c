"""The times of a forecast: they go on as pandas' ranges do, and are written as the file writes them."""

from typing import Any

import pandas as pd
import pytest

from tidegate.data.rows import Row
from tidegate.data.series.continuation import times_ahead
from tidegate.data.series.date_formats import DateFormat
from tidegate.data.series.local_times import LocalTimes
from tidegate.data.series.row_order import RowOrder
from tidegate.data.series.written_times import WrittenTimes
from tidegate.errors import DataError


def ahead(
    values: list[Any], count: int = 4, *, known: int | None = None, dates: str | None = None, zone: str | None = None
) -> WrittenTimes:
    local = None if zone is None else LocalTimes(zone, "resolve")
    order = RowOrder("t", "file", None if dates is None else DateFormat(dates), local)
    for n, value in enumerate(values, 1):
        order.add(Row(f"file, row {n}", {"t": value}, number=n))
    known = len(values) if known is None else known
    found = times_ahead("file", order, known, len(values) - known, count)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("start", "step", "written"),
    [
        ("2023-11-30", "D", "%Y-%m-%d"),
        ("2024-02-26", "3D", "%Y%m%d"),
        ("2023-11-30", "ME", "%Y-%m-%d"),
        ("2023-11-01", "MS", "%Y-%m"),
        ("2023-11-15", "MS", "%Y-%m-%dT%H:%M:%S"),
        ("2023-10-01", "QS", "%Y-%m-%d"),
        ("2023-10-31", "QE", "%Y-%m-%d"),
        ("2020-02-29", "YE", "%Y-%m-%d"),
        ("2024-02-22", "B", "%Y-%m-%d"),
        ("2024-02-22", "W-THU", "%G-W%V"),
        ("2024-02-28 21:30", "h", "%Y-%m-%d %H:%M"),
        ("2024-02-28 21:30", "15min", "%Y-%m-%dT%H:%MZ"),
        ("2024-02-28 21:30", "7h", "%Y-%m-%d %H:%M:%S+02:00"),
        ("2023-12-29", "D", "%Y-%j"),
    ],
)
def test_regular_times_go_on_as_in_pandas(start: str, step: str, written: str):
    times = pd.date_range(start, periods=16, freq=step).strftime(written).tolist()
    found = ahead(times[:12])
    assert list(found.texts) == times[12:]
    assert found.note == ""


@pytest.mark.parametrize(
    ("dates", "step", "written"),
    [
        ("%d.%m.%Y", "D", "%d.%m.%Y"),
        ("%m/%d/%Y", "D", "%-m/%-d/%Y"),
        ("%m/%d/%Y", "h", "%m/%d/%Y %I:%M %p"),
        ("%b %d, %Y", "D", "%b %-d, %Y"),
        ("%b %Y", "MS", "%b %Y"),
        ("%d.%m.%Y", "h", "%d.%m.%Y %H:%M"),
    ],
)
def test_other_formats_are_kept(dates: str, step: str, written: str):
    times = pd.date_range("2024-02-20", periods=24, freq=step).strftime(written).tolist()
    assert list(ahead(times[:20], dates=dates).texts) == times[20:]


@pytest.mark.parametrize(
    ("start", "step"),
    [
        ("2024-10-24", "D"),
        ("2024-10-26 19:00", "h"),
        ("2024-03-30 19:30", "h"),
        ("2024-03-24", "D"),
        ("2024-01-31", "ME"),
    ],
)
def test_local_times_go_on_as_the_clocks_do(start: str, step: str):
    every = pd.date_range(start, periods=12, freq=step, tz="Europe/Berlin")
    written = "%Y-%m-%dT%H:%M"
    found = ahead(every[:6].strftime(written).tolist(), 6, zone="Europe/Berlin")
    assert list(found.texts) == every[6:].strftime(written).tolist()
    expected = [(it - pd.Timestamp(0, tz="UTC")).total_seconds() + 719_162 * 86_400 for it in every[6:]]
    assert list(found.numbers) == expected


def test_numbers_go_on():
    assert list(ahead([1991, 1992, 1993], 2).texts) == [1994, 1995]
    assert list(ahead(["0.25", "0.50", "0.75"], 2).texts) == ["1.00", "1.25"]
    assert list(ahead([0.1, 0.2, 0.3], 1).texts) == [0.4]
    assert list(ahead(["20240227", "20240228"], 2).texts) == ["20240229", "20240301"]
    assert list(ahead([1_700_000_000, 1_700_003_600], 1, dates="epoch-s").texts) == [1_700_007_200]


def test_the_times_of_rows_without_values_come_first():
    assert list(ahead(["2024-01-01", "2024-01-02", "2024-01-05"], 3, known=2).texts[:1]) == ["2024-01-05"]
    found = ahead([f"2024-01-{day:02}" for day in range(1, 9)], 3, known=6)
    assert list(found.texts) == ["2024-01-07", "2024-01-08", "2024-01-09"]


def test_what_is_not_known_is_refused_and_what_is_written_otherwise_is_said():
    for values, said in (
        (["2024-01-01", "2024-01-02", "2024-03-05", "2025-07-01"], r"from 2024-01-01 to 2025-07-01 are irregular"),
        (["2024-01-01"], "one row does not say how far apart times are"),
        (["9999-12-30", "9999-12-31"], "beyond the year 9999"),
        (["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"], "offset .* changes with the"),
    ):
        with pytest.raises(DataError, match=rf"^file: .*{said}"):
            ahead(values)
    found = ahead(["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"], 1)
    assert list(found.texts) == ["2024-03-31T05:00+02:00"]
    assert "the offset of times changes" in found.note
    odd = ahead(["2024-01-01T24:00", "2024-01-02T24:00"], 1)
    assert list(odd.texts) == ["2024-01-04"]
    assert odd.note == "file: times are written as in 2024-01-04, not as in '2024-01-02T24:00'"
    assert times_ahead("file", RowOrder(None, "file"), 3, 0, 2) is None
