"""Untrusted text as it may be shown: nothing that a terminal or a browser would obey, and how wide it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

# Control characters (ANSI escapes begin with one), invisible format characters (some reverse the direction of the
# line), lone surrogates, line and paragraph separators. ZWNJ and ZWJ are ordinary parts of Persian, Hindi and emoji.
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SHOWN = {"\n", "\t", "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
NONCHARACTERS = {"\ufffe", "\uffff"}  # not allowed in XML, and so not in an SVG file
NEWLINE, TAB, SPACE = "↵", "→", "␣"


def visible(text: str) -> str:
    r"""The text with every character that a terminal would obey written as its escape, such as ``\x1b``.

    Newlines and tabs stay. What comes out can be encoded as UTF-8, whatever went in.
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode("ascii") if _hidden(character) else character for character in text
    )


def _hidden(character: str) -> bool:
    if character in SHOWN:
        return False
    return character in NONCHARACTERS or unicodedata.category(character) in HIDDEN


def label(text: object) -> str:
    """A short text on one line, as an axis shows it: ``↵`` for a newline, ``␣`` for a space alone."""
    shown = visible(str(text)).replace("\n", NEWLINE).replace("\t", TAB)
    return SPACE * len(shown) if shown and not shown.strip(" ") else shown


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: 2 for wide East Asian characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def laid_out(pieces: Sequence[str], width: int) -> Iterator[list[tuple[str, int]]]:
    """The rows of a text of at most ``width`` columns, each row stretches with the number of the piece they are of.

    A newline is shown as ``↵`` before the row ends, so that what is said of it can be seen; a tab as ``→`` and spaces
    to the next eighth column.
    """
    row: list[tuple[str, int]] = []
    used = 0
    for number, piece in enumerate(pieces):
        held = ""
        for character in visible(piece):
            shown = TAB + " " * (7 - used % 8) if character == "\t" else NEWLINE if character == "\n" else character
            wide = columns(shown)
            if used + wide > width:
                if held:
                    row.append((held, number))
                yield row
                row, used, held = [], 0, ""
                shown, wide = (TAB, 1) if character == "\t" else (shown, wide)
            held, used = held + shown, used + wide
            if character == "\n":
                yield [*row, (held, number)]
                row, used, held = [], 0, ""
        if held:
            row.append((held, number))
    if row:
        yield row
