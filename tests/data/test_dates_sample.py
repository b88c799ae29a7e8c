"""The sample of dates: what is asked for can be known, and nothing held out is learned from."""

from collections import defaultdict
from datetime import date
from pathlib import Path

from tidegate.data.samples import write_sample
from tidegate.data.samples.dates import FORMS, LOCALES, written


def test_parts_share_no_date_and_every_form_is_there(tmp_path: Path) -> None:
    write_sample("dates", tmp_path, seed=0)
    days = {}
    for part, count in (("train", 20_000), ("validation", 1_000), ("test", 1_000)):
        rows = [line.split("\t") for line in (tmp_path / f"{part}.tsv").read_text("utf-8").splitlines()]
        assert len(rows) == count
        assert {row[2] for row in rows} == set(LOCALES)
        days[part] = [date.fromisoformat(row[1]) for row in rows]
    every = [day for part in days.values() for day in part]
    assert len(set(every)) == len(every) == 22_000


def test_no_written_date_means_two_days() -> None:
    """Days, months and two digits of years that could be taken for one another."""
    meaning = defaultdict(set)
    for year in (2001, 2003, 2012):
        for month in (1, 2, 3, 10, 12):
            for day in (1, 2, 3, 10, 12):
                for form in FORMS:
                    meaning[written(date(year, month, day), *form)].add((year, month, day))
    assert [text for text, days in meaning.items() if len(days) > 1] == []
    assert written(date(2026, 4, 3), "en_US", "short") == "4/3/26" == written(date(2026, 3, 4), "es_ES", "short")


def test_dates_as_they_are_known() -> None:
    assert written(date(2026, 3, 4), "de_DE", "long") == "4. März 2026"
    assert written(date(2026, 3, 4), "ja_JP", "full") == "2026年3月4日水曜日"
    assert written(date(1999, 12, 31), "en_US", "full") == "Friday, December 31, 1999"
