"""Untrusted text in a terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tidegate.drawing.text import visible


def test_ansi_escapes_are_shown_not_obeyed():
    assert visible("\x1b[31mred\x1b]0;title\x07") == r"\x1b[31mred\x1b]0;title\x07"


def test_c1_controls_are_shown():
    assert visible("\x9b31m\x85") == r"\x9b31m\x85"


def test_carriage_return_and_backspace_are_shown():
    assert visible("safe\rUNSAFE\b") == r"safe\rUNSAFE\x08"


def test_characters_that_reverse_the_line_are_shown():
    assert visible("a\u202eb\u2066c") == r"a\u202eb\u2066c"


def test_lone_surrogates_are_shown():
    assert visible("\udc80") == r"\udc80"


def test_ordinary_text_is_left_alone():
    text = "def f(x):\n\treturn 'é 한글 👩\u200d👧 [bold]'\n"
    assert visible(text) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_a_terminal_obeys_is_left_and_the_rest_is_kept(text):
    shown = visible(text)
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in shown)
    shown.encode("utf-8")
    if text.isprintable():
        assert shown == text
