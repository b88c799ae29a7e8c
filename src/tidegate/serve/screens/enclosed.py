"""Which brackets and quotes of a text belong together: interesting places to look at."""

from typing import NamedTuple

import numpy as np

from tidegate.lens.hidden_units.text_structure import CLOSES, bracket_depth, quotes_and_comments
from tidegate.lens.predictions.compare import character_of
from tidegate.lens.record.reading import Reading


class Enclosed(NamedTuple):
    """A stretch between two marks, as positions in a text.

    Attributes:
        mark: the closing mark.
        start: position of the opening mark; of three quotes the first.
        stop: position of the closing mark; of three quotes the first.
    """

    mark: str
    start: int
    stop: int


def enclosed(text: str) -> list[Enclosed]:
    """Return closed brackets and quotes, ordered by where they close, as positions of characters.

    Quotes that were opened before the text are left out.
    """
    quotes = (it for it in quotes_and_comments(text)[0] if it.closed and text[it.start] in "'\"")
    found = [Enclosed(text[it.end - it.marks], it.start, it.end - it.marks) for it in quotes]
    depth = np.pad(bracket_depth(text), (1, 0))  # before each character, and after the last
    opened: dict[int, int] = {}  # by depth, the last character that raised it
    for n, (before, after) in enumerate(zip(depth[:-1].tolist(), depth[1:].tolist(), strict=True)):
        if after > before:
            opened[before] = n
        elif after < before and text[n] in CLOSES and text[opened[after]] == CLOSES[text[n]]:
            found.append(Enclosed(text[n], opened[after], n))
    return sorted(found, key=lambda it: it.stop)


def enclosed_tokens(reading: Reading) -> list[Enclosed]:
    """Return the same as positions of tokens of a reading."""
    place = character_of(reading)

    def token(character: int) -> int:
        return int(np.searchsorted(place, character, side="right")) - 1

    return [Enclosed(mark, token(start), token(stop)) for mark, start, stop in enclosed(reading.text)]
