"""Numbers with decimal points and commas, against Babel; which one a file has."""

from typing import Any

import pytest
from babel.numbers import format_decimal

from tidegate.data.tables.decimals import DecimalFinder, parse_number
from tidegate.errors import DataError

VALUES = [0, 0.5, -0.25, 7, 12.75, 999.125, 1234, -1234.5, 12345.678, 1234567.25, -987654321.5]


@pytest.mark.parametrize("locale", ["en", "de", "fr", "de_CH", "es", "pl", "sv", "pt_BR", "en_ZA", "it_CH"])
@pytest.mark.parametrize("value", VALUES)
def test_numbers_as_people_write_them(locale: str, value: float) -> None:
    """Of both marks at most one fits with a decimal part; it is that of the locale."""
    text = format_decimal(value, "#,##0.####", locale=locale)
    mark: Any = "," if format_decimal(0.5, locale=locale)[1] == "," else "."
    assert parse_number(text, mark) == value
    other = parse_number(text, "." if mark == "," else ",")
    assert other is None or other == value or text.strip("-−")[1:].count(text[-4]) == 1


@pytest.mark.parametrize(
    "text", ["", "-", ",", ".", "e5", "1,23.4", "12,34,567", "1 23", "1,2345", "1_000", "1.2.3", "x1"]
)
@pytest.mark.parametrize("mark", [".", ","])
def test_what_is_no_number(text: str, mark: Any) -> None:
    assert parse_number(text, mark) is None or (text == "1,2345" and mark == ",")


def found(texts: list[Any], delimiter: str = "") -> str:
    finder = DecimalFinder(delimiter)
    for n, text in enumerate(texts, 1):
        finder.add(text, f"row {n}")
    return finder.found()


@pytest.mark.parametrize(
    ("texts", "delimiter", "mark"),
    [
        (["1", "2", ""], ";", "."),
        (["1.5", "2"], ";", "."),
        (["1,5", "2"], ";", ","),
        (["1.234", "2.345"], ",", "."),  # an ordinary file, read as it was before
        (["1.234", "2.345,5"], ";", ","),
        (["1,234", "1234,5"], "\t", ","),
        (["1,234", "12.5"], ",", "."),
        (["1,234,567", "1,234"], ",", "."),
        (["0,123"], ",", ","),
        ([1.5, "1,5"], "", ","),
        (["text, and more", "1,5"], "", ","),
    ],
)
def test_the_mark_is_found(texts: list[Any], delimiter: str, mark: str) -> None:
    assert found(texts, delimiter) == mark


@pytest.mark.parametrize(("texts", "delimiter"), [(["1", "1,234", "5,678"], ","), (["1.234", "5.678"], ";")])
def test_thousands_or_decimals_are_refused(texts: list[Any], delimiter: str) -> None:
    with pytest.raises(DataError, match=r"row \d: '1[.,]234' may be a number of thousands or .*--decimal \. or --dec"):
        found(texts, delimiter)
