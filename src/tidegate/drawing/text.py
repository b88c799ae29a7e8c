"""Untrusted text made safe to show, without control characters, and its width in a terminal."""

import unicodedata
from collections.abc import Iterator, Sequence

# Control characters (ANSI escapes begin with one), invisible format characters (some reverse the direction of the
# line), lone surrogates, line and paragraph separators. ZWNJ and ZWJ are ordinary parts of Persian, Hindi and emoji.
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SHOWN = {"\n", "\t", "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
NONCHARACTERS = {"\ufffe", "\uffff"}  # not allowed in XML, and so not in an SVG file
NEWLINE, TAB, SPACE = "↵", "→", "␣"


def visible(text: str) -> str:
    r"""Escape control characters, such as ``\x1b``.

    Newlines and tabs stay. The result can always be encoded as UTF-8.
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
    """Format a short text for an axis, on one line: ``↵`` for a newline, ``␣`` for a space alone."""
    shown = visible(str(text)).replace("\n", NEWLINE).replace("\t", TAB)
    return SPACE * len(shown) if shown and not shown.strip(" ") else shown


def columns(text: str) -> int:
    """Count a text's columns in a terminal: 2 for wide East Asian characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def laid_out(pieces: Sequence[str], width: int) -> Iterator[list[tuple[str, int]]]:
    """Break a text into rows of at most ``width`` columns: each a list of parts and the index of their piece.

    A newline is shown as ``↵`` before the row ends, so that its colour is visible; a tab as ``→`` and spaces to the
    next eighth column.
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
