"""Detectors: every rule on a text small enough to label by hand."""

import math
import re
from typing import Any

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.character_classes import CHARACTER_CLASSES, members
from tidegate.lens.hidden_units.detectors import DETECTORS, Detector, function, marked, pattern, per_token
from tidegate.lens.record.reading import pieces_of
from tidegate.text import ByteTokenizer


def said(name: str, text: str) -> str:
    """One digit a character, '.' for 0 and '?' for what does not count."""
    values = DETECTORS[name](text)
    assert values.shape == (len(text),)
    assert values.dtype == np.float64
    return "".join("?" if math.isnan(it) else "." if it == 0 else str(int(it)) for it in values)


CASES: list[tuple[str, str, str]] = [
    ("quote", 'a "b" c', "..11..."),
    ("quote", "a 'b\" c' d", "..11111..."),
    ("quote", '""', "1."),
    ("quote", "it's d'accord dogs' x", "....................."),
    ("quote", "'don't' x", "111111..."),
    ("quote", "b'ab' rb'c' x'd", ".111....11....."),
    ("quote", "5'11 'a'", ".....11."),
    ("quote", '"a\\"b" c', "11111..."),
    ("quote", '"open\nnot', "11111...."),
    ("quote", '"open\r\nnot', "11111....."),
    ("quote", '"a\\\nb" c', "11111..."),
    ("quote", '"ab\\', "1111"),
    ("quote", '"""a\n"b" \'c\n""" d', "1" * 14 + "..."),  # the last mark of three ends it
    ("quote", "'''a'''", "111111."),
    ("quote", '"""open\n\nstill', "1" * 14),
    ("quote", "# ''' \"a\" x\nb", "..1.1111111.."),
    ("quote", 'end.\n"""\nx = """a"""', "1111111......111111."),  # begins inside three quotes
    ("string", "'a' '''b''' \"c", "11..........11"),
    ("docstring", "'a' '''b''' \"c", "....111111...."),
    ("bracket", "f(a[1]) x", ".11111..."),
    ("depth", "f(a[1]) x", ".11221..."),
    ("depth", "([{}])", "12321."),
    ("depth", "(a] b) c", "11111..."),  # closes nothing: is none
    ("depth", "([a) b", "122..."),  # closes what is open inside it, too
    ("depth", ") x", "..."),
    ("depth", '(":(" b) c', "1112111..."),  # what a quote opens ends with it
    ("depth", "(:\n\na", "11..."),  # an empty line ends all
    ("depth", "(:\r\n \r\na", "11......"),
    ("depth", "(a\r\nb)", "11111."),
    ("comment", 'a # b "#"\nc', "..1111111.."),
    ("comment", '"# a" # it\'s\r\nb', "......111111..."),
    ("position", "ab\nc\r\nd\re", "12.1..1.1"),
    ("newline", "abcd\ne\r\nfgh", "11..111111."),
    ("indentation", "  a b\n c\n\td \n  \n", "12222.11.888.12."),
    ("indented", "  a\nb", "111.."),
    ("word", "ab_1, c d'e", "1234..1.1.1"),
    ("digit", "a1²b", ".11."),
    ("capital", "aBc D", "1..1?"),
]


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_built_in_detector(name: str, text: str, expected: str):
    assert said(name, text) == expected


@pytest.mark.parametrize("name", sorted(DETECTORS))
@pytest.mark.parametrize("text", ["", "a", "\n", '"', "(", "\\", "é'", "\r"])
def test_any_text_has_a_value_for_each_character(name: str, text: str):
    said(name, text)
    assert DETECTORS[name].name == name


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"capital"}))
def test_values_do_not_depend_on_later_characters(name: str):
    """The value after a character is the same whatever follows, in text without marks that never close."""
    text = 'x = f("a", [1, (2)])  # "it\'s"\n\n\ty = \'b\' + c\r\nZ = {}\n'
    whole = DETECTORS[name](text)
    for end in range(1, len(text)):
        if text[end - 1] != "\r":  # \r and \n are one newline, once the second is there
            np.testing.assert_array_equal(DETECTORS[name](text[:end])[-1], whole[end - 1], f"{text[:end]!r}")


def test_pattern():
    detector = pattern("number", r"\d+(?=;)")
    assert detector("a12;3 45;").tolist() == [0, 1, 1, 0, 0, 0, 1, 1, 0]
    assert pattern("upper", re.compile("[A-Z]"))("aB").tolist() == [0, 1]
    assert pattern("nothing", "x*")("ab").tolist() == [0, 0]
    with pytest.raises(ArgumentError, match=r"'odd'.*not a regular expression"):
        pattern("odd", "(")


def test_function_is_checked():
    good = function("own", lambda text: [character == "a" for character in text])
    assert good("abca").tolist() == [1, 0, 0, 1]
    with_gap = function("gap", lambda text: [math.nan, 2.5], "count")("ab")
    np.testing.assert_array_equal(with_gap, [math.nan, 2.5])
    wrong: list[tuple[Any, Any, str]] = [
        (lambda text: [1], "yes/no", "shape"),
        (lambda text: ["a", "b"], "yes/no", "<U1"),
        (lambda text: [0, 2], "yes/no", "2.0 at character 1: give 0 or 1"),
        (lambda text: [0, math.inf], "count", "inf at character 1"),
    ]
    for fn, kind, message in wrong:
        with pytest.raises(ArgumentError, match=message):
            function("wrong", fn, kind)("ab")
    with pytest.raises(ArgumentError, match="kind 'maybe'"):
        Detector("own", "maybe", np.asarray)  # pyright: ignore[reportArgumentType]


def test_marked():
    assert marked("here", [(1, 3), (2, 4)])("abcde").tolist() == [0, 1, 1, 1, 0]
    assert marked("none", [])("ab").tolist() == [0, 0]
    with pytest.raises(ArgumentError, match=r"\(3, 6\) ends after the text of 5"):
        marked("here", [(3, 6)])("abcde")
    for span in [(2, 2), (-1, 2)]:
        with pytest.raises(ArgumentError, match="is not a span"):
            marked("here", [span])


def test_a_token_takes_the_value_at_its_last_character():
    depth = DETECTORS["depth"]
    np.testing.assert_array_equal(per_token(depth, ["f(", "", "a[", "])"]), [1, 1, 2, 0])
    np.testing.assert_array_equal(per_token(depth, ["", "("]), [math.nan, 1])
    assert per_token(depth, []).shape == (0,)
    tokenizer = ByteTokenizer()
    pieces = pieces_of(tokenizer, tokenizer.encode("é(ü"))  # two bytes each but for the bracket
    np.testing.assert_array_equal(per_token(depth, pieces), [math.nan, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("text", "opening", "closing"),
    [
        ('ends here.""" + "x"', [16], [10, 18]),  # it begins inside three quotes
        ('"it" is said.""" + "x"', [19], [13, 21]),  # as does this one, and the first mark is of the text inside
        ('""" + """a"""', [6], [0, 10]),  # the first three close
        ("'a' + '''b'''", [0, 6], [2, 10]),
        ("''", [0], [1]),
    ],
)
def test_opening_quotes_are_quotes(text: str, opening: list[int], closing: list[int]):
    found = {name: members(CHARACTER_CLASSES[f"{name} quotes"], name, list(text)) for name in ("opening", "closing")}
    assert np.flatnonzero(found["opening"]).tolist() == opening
    assert np.flatnonzero(found["closing"]).tolist() == closing


def test_classes_are_those_of_the_characters():
    text = 'f("a1", x)\n\t\'"\' + """b"""'
    found = {name: members(kind, name, list(text)) for name, kind in CHARACTER_CLASSES.items()}
    every = ["letters", "digits", "blanks", "newline", "quotes", "brackets", "other punctuation"]
    np.testing.assert_array_equal(np.sum([found[name] for name in every], 0), 1)

    def marked_with(name: str) -> list[int]:
        return np.flatnonzero(found[name]).tolist()

    assert marked_with("opening quotes") == [2, 12, 18]
    assert marked_with("closing quotes") == [5, 14, 22]
    assert marked_with("closing brackets") == [9]
    assert marked_with("inside quotes") == [3, 4, 13, 19, 20, 21, 22, 23]
    assert marked_with("inside brackets") == [2, 3, 4, 5, 6, 7, 8]
    assert members(str.isupper, "upper", ["a", "", "bC"]).tolist() == [False, False, True]
    with pytest.raises(ArgumentError, match="'depth' is of kind 'count'"):
        members(DETECTORS["depth"], "deep", ["a"])
