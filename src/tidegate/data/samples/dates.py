"""Dates as people write them in 20 locales (Babel has CLDR's data), with the same date in ISO 8601.

Each line is ``written<tab>ISO<tab>locale``. Every date is drawn once, so the parts have no date in common. Its locale
and its length, from short to full, are drawn too. The years span one century, so that two digits are enough for a year.
American short dates are left out: "3/4/26" is March 4 there and April 3 in other locales.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tidegate.io.optional import needed

LOCALES = (
    *("cs_CZ", "de_DE", "el_GR", "en_GB", "en_US", "es_ES", "fi_FI", "fr_FR", "hu_HU", "it_IT"),
    *("ja_JP", "ko_KR", "nl_NL", "pl_PL", "pt_BR", "ru_RU", "sv_SE", "tr_TR", "uk_UA", "zh_CN"),
)
LENGTHS = ("short", "medium", "long", "full")
AMBIGUOUS = {("en_US", "short")}
FORMS = tuple((locale, length) for locale in LOCALES for length in LENGTHS if (locale, length) not in AMBIGUOUS)
FIRST, YEARS = 1950, 100
PARTS = {"train": 20_000, "validation": 1_000, "test": 1_000}


def written(day: date, locale: str, length: str) -> str:
    """Write a date in one of `FORMS`."""
    from babel.dates import format_date

    return format_date(day, length, locale=locale)  # pyright: ignore[reportArgumentType]


def write(folder: Path, seed: int) -> None:
    """Write 20,000 lines for training, 1,000 for validation and 1,000 for testing.

    Raises:
        MissingDependencyError: Babel is not installed.
    """
    needed("babel", "This sample needs")
    draw = np.random.default_rng(seed)
    first = date(FIRST, 1, 1)
    every = draw.permutation((date(FIRST + YEARS, 1, 1) - first).days)
    start = 0
    for part, count in PARTS.items():
        days = [first + timedelta(int(it)) for it in every[start : start + count]]
        forms = [FORMS[n] for n in draw.integers(len(FORMS), size=count)]
        start += count
        with (folder / f"{part}.tsv").open("w", encoding="utf-8", newline="\n") as file:
            for day, (locale, length) in zip(days, forms, strict=True):
                file.write(f"{written(day, locale, length)}\t{day.isoformat()}\t{locale}\n")
