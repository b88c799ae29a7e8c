"""Tinted text and sparklines in a terminal."""

import re
import time

import numpy as np
import pytest

from tidegate.drawing import Scale, tinted
from tidegate.drawing.terminal import nearest_256
from tidegate.drawing.text import columns, label
from tidegate.errors import ArgumentError

CODE = re.compile(r"\x1b\[(?:0|38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+|38;5;\d+;48;5;\d+)m")
NASTY = [
    "\x1b[31m",
    "\x00",
    "\ud800",
    "\u202e",
    "\x9b2J",
    "\r",
    "<b>",
    "한국",
    "e\u0301",
    "\n",
    "\t",
    "\u2028",
    "\ufffe",
]


def plain(text):
    return CODE.sub("", text)


@pytest.mark.parametrize("colour", ["truecolor", "256", "none"])
def test_untrusted_text_sends_no_codes(colour):
    made = plain(tinted(NASTY, np.arange(len(NASTY)), colour=colour))
    assert not any(ord(it) < 32 and it != "\n" for it in made)
    assert not {"\x9b", "\ud800", "\u202e", "\u2028", "\r"} & set(made)
    assert r"\x1b[31m\x00\ud800\u202e\x9b2J\r<b>한국" in made
    made.encode("utf-8")


def test_newlines_are_kept_and_seen():
    made = plain(tinted(["ab\n", "\n", "c"], [1, 2, 3])).split("\n")
    assert made[:3] == ["ab↵", "↵", "c"]
    assert len(made) == 4  # the legend


@pytest.mark.parametrize("width", [16, 33, 80])
def test_no_row_is_wider_than_the_terminal(width):
    pieces = ["한국어" * 9, "a" * 99, "\t\t\t\t\t\t\t\t\t\tz", "e\u0301" * 50]
    rows = plain(tinted(pieces, [0, 1, 2, 3], width=width)).split("\n")[:-1]
    assert all(columns(row) <= width for row in rows)
    assert columns(rows[0]) >= width - 1  # and none is broken before it is full
    assert "".join(rows).replace("→", "").replace(" ", "") == "".join(pieces).replace("\t", "")


def test_the_colours_are_of_the_values():
    made = tinted(["a", "b", "c", "d"], [0.0, 4.0, np.nan, np.inf], background="dark")
    codes = re.findall(r"48;2;(\d+;\d+;\d+)m(.)", made.split("\n")[0])
    assert codes == [("22;24;26", "a"), ("252;255;164", "b"), ("252;255;164", "d")]  # c has none
    assert "0 \x1b" in made.split("\n")[1]
    assert made.endswith("\x1b[0m ≥ 4")


def test_neighbours_of_one_colour_are_one_stretch():
    assert tinted(list("aaaa"), [1.0] * 4).split("\n")[0].count("\x1b") == 2


def test_digits_without_colour():
    made = tinted(["x", "한", "yz", "\n", "w"], [0, 5, 9, 1, np.nan], colour="none")
    assert made.split("\n") == ["x한yz↵", "055991", "w", "", "0 0, 9 9"]
    made = tinted(list("abc"), [-2, 0.01, 2], scale=Scale("diverging", 2, "nats"), colour="none")
    assert made.split("\n") == ["abc", "i09", "i −2, 0 0, 9 2 nats"]


def test_nearest_of_256_colours():
    assert nearest_256((255, 0, 0)) == (196, (255, 0, 0))
    assert nearest_256((8, 8, 8)) == (232, (8, 8, 8))
    assert nearest_256((130, 173, 214)) == (110, (135, 175, 215))


def test_empty_and_long():
    assert plain(tinted([], [])).endswith("1")
    values = np.random.default_rng(0).random(10_000)
    start = time.perf_counter()
    made = tinted(["word "] * 10_000, values)
    assert time.perf_counter() - start < 3
    assert plain(made).count("word") + plain(made).count("\n") >= 10_000


def test_wrong_lengths_widths_and_colours_raise():
    with pytest.raises(ArgumentError, match="2 pieces"):
        tinted(["a", "b"], [1.0])
    with pytest.raises(ArgumentError, match="16 columns"):
        tinted(["a"], [1.0], width=3)
    with pytest.raises(ArgumentError, match="'8'"):
        tinted(["a"], [1.0], colour="8")  # type: ignore[arg-type]


def test_labels_and_columns():
    assert [label(it) for it in ("a\nb", "  ", "a b", 7, "\x1b")] == ["a↵b", "␣␣", "a b", "7", "\\x1b"]
    assert [columns(it) for it in ("ab", "한국", "e\u0301", "")] == [2, 4, 1, 0]
