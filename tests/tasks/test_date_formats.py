"""Dates in the common formats, against datetime.strptime; which one a file has; local times."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tidegate.data.series.date_formats import COMMON, DateFinder, DateFormat
from tidegate.data.series.local_times import LocalTimes
from tidegate.data.series.times import START, Time, parse_iso
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.task import ForecastTask

MOMENTS = [
    datetime(2024, 2, 29, 23, 7, 9),
    datetime(1999, 12, 31, 0, 30),
    datetime(2023, 1, 5, 12),
    datetime(2068, 7, 1),
]


def seconds(moment: datetime) -> int:
    return (moment - START) // timedelta(seconds=1)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
@pytest.mark.parametrize("time", ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"])
def test_every_common_format_reads_what_strftime_writes(moment: datetime, time: str):
    for form in COMMON:
        if time and "%d" not in form.text:
            continue
        text = moment.strftime(form.text + time)
        expected = datetime.strptime(text, form.text + time)
        assert form.parse(text) == ("a date", seconds(expected)), (form.text, text)


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("%d.%m.%Y", "1.2.2024", "2024-02-01"),
        ("%d.%m.%Y", "31.12.2024 24:00", "2025-01-01"),
        ("%d.%m.%Y", "01.02.2024 10:00:00,25", "2024-02-01T10:00:00.25"),
        ("%m/%d/%Y", "2/1/2024 12:05 am", "2024-02-01T00:05"),
        ("%b %d, %Y", "Sept. 5, 2024", "2024-09-05"),
        ("%b %d, %Y", "september  5, 2024 3:07 p.m.", "2024-09-05T15:07"),
        ("%d/%b/%Y:%H:%M:%S %z", "05/Jan/2024:10:00:00 +0200", "2024-01-05T08:00:00Z"),
        ("%Y-%j", "2024-60", "2024-02-29"),
        ("%Y%m%d%H", "2024022913", "2024-02-29T13:00"),
        ("%a, %d %b %Y", "Thu, 29 Feb 2024 13:00:00 GMT", "2024-02-29T13:00Z"),
    ],
)
def test_dates_are_what_iso_8601_writes(form: str, text: str, iso: str):
    assert DateFormat(form).parse(text) == parse_iso(iso)


@pytest.mark.parametrize(
    "value", ["", "29/02/2023", "0/1/2024", "1/13/2024", "01/02/2024 13:00 PM", "01/02/24", "x", 5]
)
def test_what_is_written_otherwise(value: Any):
    assert DateFormat("%d/%m/%Y").parse(value) is None


@pytest.mark.parametrize(
    ("unit", "number"), [("s", "1704067200.5"), ("ms", 1704067200500), ("ns", "1704067200500000000")]
)
def test_seconds_since_1970(unit: str, number: Any):
    assert DateFormat(f"epoch-{unit}").parse(number) == parse_iso("2024-01-01T00:00:00.5Z")


@pytest.mark.parametrize("text", ["", "%m/%d", "%Y-%Q", "%Y %Y", "Y-m-d", "%d.%m.%Y %", "epoch"])
def test_what_is_no_format(text: str):
    with pytest.raises(ArgumentError, match=r"should be a format with a year .*epoch-s"):
        DateFormat(text)


def find(*texts: Any) -> str | None:
    finder = DateFinder("time")
    for n, text in enumerate(texts, 1):
        finder.add(text, f"row {n}")
    found = finder.found()
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2024-01-31", "x"], None),
        ([5, 6], None),
        (["", "noon"], None),
        (["01/02/2024", "01/13/2024"], "%m/%d/%Y"),
        (["01/02/2024", "13/01/2024"], "%d/%m/%Y"),
        (["01.02.2024", "02.02.2024"], "%d.%m.%Y"),
        (["1/2/24", "1/31/24", "2/1/24"], "%m/%d/%y"),
        (["2024/1/2 23:00", "2024/1/3 00:00"], "%Y/%m/%d"),
        (["5 Jan 2024", "6 Jan 2024"], "%d %b %Y"),
        (["01/01/2024", "02/02/2024"], "%d/%m/%Y"),  # the same dates in either reading
        (["12/2024", "1/2025"], "%m/%Y"),
    ],
)
def test_the_only_format_that_fits_is_found(texts: list[Any], form: str | None):
    assert find(*texts) == form


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["01/02/2024", "02/02/2024"],
            r"row 1: '01/02/2024' is 2024-02-01 as day/month/year \(%d/%m/%Y\) or 2024-01-02 as month/day/year "
            r"\(%m/%d/%Y\), and so are all .*: say --date-format %d/%m/%Y or --date-format %m/%d/%Y",
        ),
        (["05/05/2024", "", "01/02/2024"], "row 3: '01/02/2024' is 2024-02-01"),
        (["10-11-12", "10-12-12"], "2012-11-10 as day-month-year"),
        (["01/02/2024", "2024-02-03"], "row 2: column 'time' holds '2024-02-03', but row 1 has '01/02/2024', and no"),
        (["13/01/24", "01/02/2024"], "row 2: .* but row 1 has '13/01/24', and no format"),
    ],
)
def test_two_readings_and_mixed_formats_are_refused(texts: list[Any], message: str):
    with pytest.raises(DataError, match=message):
        find(*texts)


def table(folder: Path, *times: str) -> Path:
    path = folder / "data.csv"
    path.write_text("time;y\n" + "".join(f"{time};{n}\n" for n, time in enumerate(times)))
    return path


def test_the_format_is_told_and_sorts_the_rows(tmp_path: Path):
    path = table(tmp_path, "30.01.2024", "31.01.2024", "02.02.2024", "01.02.2024")
    (row,) = read_series(path)
    assert row.values["values"].tolist() == [0, 1, 3, 2]
    first, second = ForecastTask.remarks(path, ForecastConfig())
    assert first == f"{path} is read as: columns separated by ';', dates as day.month.year (%d.%m.%Y)"
    assert "row 4: its time is before that of row 3" in second


@pytest.mark.parametrize(
    ("times", "options", "message"),
    [
        (["31/12/2024", "12/31/2024"], {}, r"row 2: column 'time' holds '12/31/2024', which is not written as day/m"),
        (
            ["2024-12-31", "31/12/2024"],
            {},
            r"row 2: column 'time' holds '31/12/2024', which is neither .*--date-format",
        ),
        (["31.12.2024", "2025-01-01"], {"date_format": "%d.%m.%Y"}, r"row 2: .* not written as day.month.year"),
        (["31.12.2024", ""], {}, r"row 2: column 'time' holds '', which is not written as"),
        (["2024-01-01T00:00Z"], {"time_zone": "UTC"}, r"row 1: .* is a date with a time zone, but --time-zone is for"),
        (["5"], {"time_zone": "UTC"}, "row 1: .* is a number, but --time-zone"),
        (["5"], {"time_zone": "Europe/Nowhere"}, r"time_zone is 'Europe/Nowhere', but should be one such as"),
        (["5"], {"time_zone": "../etc"}, r"time_zone is '../etc', but should be one such as"),
    ],
)
def test_times_that_are_refused(tmp_path: Path, times: list[str], options: dict, message: str):
    with pytest.raises((DataError, ArgumentError), match=message):
        list(read_series(table(tmp_path, *times), SeriesOptions(**options)))


def test_options_of_times_need_times(tmp_path: Path):
    (tmp_path / "a.csv").write_text("y\n1\n")
    with pytest.raises(ArgumentError, match=r"date_format is for a column of times, but .*a\.csv has none"):
        list(read_series(tmp_path / "a.csv", SeriesOptions(date_format="%Y")))


HOURS = ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"]


def test_the_hour_that_clocks_have_twice(tmp_path: Path):
    path = table(tmp_path, *HOURS)
    with pytest.raises(DataError, match=r"row 2: .*'2024-10-27 02:00', which occurs twice in Europe/Berlin, as the"):
        list(read_series(path, SeriesOptions(time_zone="Europe/Berlin")))
    config = ForecastConfig(time_zone="Europe/Berlin", clock_changes="resolve")
    (row,) = read_series(path, config)
    assert row.values["values"].tolist() == [0, 1, 2, 3]
    *_, note = ForecastTask.remarks(path, config)  # and none of missing rows: every hour is there
    assert note.endswith("as the clocks change: the first row of a time is the earlier one")


def test_local_times_are_moments():
    """Against the offsets that ISO 8601 writes."""
    local = LocalTimes("Europe/Berlin", "resolve")
    pairs = [
        ("2024-01-01T12:00", "+01:00"),
        ("2024-07-01T12:00", "+02:00"),
        ("2024-10-27T02:30", "+02:00"),
        ("2024-10-27T02:30", "+01:00"),
        ("2024-03-31T02:30", "+01:00"),
    ]
    for text, offset in pairs:
        time = parse_iso(text)
        assert time is not None
        assert local.moment(time, "row 1") == parse_iso(text + offset)
    assert sorted(local.notes) == ["is left out", "occurs twice"]
    with pytest.raises(
        DataError, match="is left out in America/New_York, as the clocks change: write times with their"
    ):
        LocalTimes("America/New_York", "refuse").moment(Time("a date", seconds(datetime(2024, 3, 10, 2, 30))), "row 1")
    assert LocalTimes("UTC", "refuse").moment(Time("a date", 5), "").number == 5
