"""Tinted text and tables as HTML: escaped, whole, small."""

import time
from html.parser import HTMLParser

import numpy as np
import pytest

from tidegate.drawing import Scale, table_html, tinted_html
from tidegate.errors import ArgumentError

NASTY = ["<script>alert(1)</script>", "\"'&", "\x00", "\ud800", "\u202e", "]]>", "-->", "한국", "\n", "&lt;", "\t"]
SHOWN = ["<script>alert(1)</script>", "\"'&", r"\x00", r"\ud800", r"\u202e", "]]>", "-->", "한국", "↵\n", "&lt;", "\t"]
VOID = {"br", "hr", "img"}


class Page(HTMLParser):
    """What a browser makes of a fragment: its elements, their attributes and its text."""

    def __init__(self, fragment):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text = [], [], ""
        self.feed(fragment)
        self.close()
        assert not self.open, "an element was not closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_text_and_titles_arrive_as_they_were_and_nothing_is_obeyed():
    made = tinted_html(NASTY, np.arange(len(NASTY)), NASTY)
    page = Page(made)
    assert {tag for tag, _ in page.tags} == {"div", "span"}
    assert page.text.startswith("".join(SHOWN))
    titles = [attributes["title"] for _, attributes in page.tags if "title" in attributes]
    assert titles == [it.replace("↵", "") for it in SHOWN]
    assert {name for _, attributes in page.tags for name in attributes} == {"style", "title", "aria-hidden"}
    made.encode("utf-8")


def test_tints_are_of_the_values():
    page = Page(tinted_html(list("abcde"), [-1, 0, np.nan, 1, np.inf], list("ABCDE"), scale=Scale("diverging", 1, "x")))
    found = {a["title"]: a.get("style", "") for _, a in page.tags if "title" in a}
    assert "0,114,178,0.55" in found["A"]
    assert found["B"] == found["C"] == ""
    assert found["D"] == found["E"] == "background:rgba(213,94,0,0.55)"
    assert page.text.split() == ["abcde−1", "≥", "1", "x"]


def test_untinted_pieces_take_no_room():
    assert tinted_html(["a<"] * 3, [0.0] * 3, scale=Scale("sequential", 1)).count("a&lt;a&lt;a&lt;") == 1


def test_empty_and_long():
    assert Page(tinted_html([], [])).text.split() == ["0", "1"]
    start = time.perf_counter()
    made = tinted_html(["word "] * 10_000, np.random.default_rng(0).random(10_000), ["title"] * 10_000)
    assert time.perf_counter() - start < 3
    assert len(made) < 100 * 10_000


def test_table():
    page = Page(table_html([["<b>", 1.23456, True], ["\x00", np.float32(-2), None]], ["a<", "b", "c"], caption='"x"'))
    assert [tag for tag, _ in page.tags if tag in ("tr", "td", "th")] == [
        "tr",
        *["th"] * 3,
        *["tr", "td", "td", "td"] * 2,
    ]
    assert page.text == '"x"a<bc<b>1.235True\\x00−2None'
    sides = [a["style"].split(";")[0] for tag, a in page.tags if tag == "td"]
    assert sides == ["text-align:left", "text-align:right", "text-align:left"] * 2
    assert Page(table_html([], ["a"])).text == "a"


def test_wrong_lengths_and_shapes_raise():
    with pytest.raises(ArgumentError, match="shape"):
        tinted_html(["a"], [[1.0]])
    with pytest.raises(ArgumentError, match="2 pieces of text need as many titles"):
        tinted_html(["a", "b"], [1, 2], ["t"])
    with pytest.raises(ArgumentError, match="Row 1 has 1 cells for 2 headers"):
        table_html([[1, 2], [1]], ["a", "b"])
