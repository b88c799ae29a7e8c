"""Which brackets and quotes of a text belong together: places that are worth asking about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tidegate.lens.hidden_units.text_structure import CLOSES, bracket_depth, quotes_and_comments
from tidegate.lens.predictions.compare import character_of
from tidegate.lens.record.reading import Reading


class Enclosed(NamedTuple):
    """What stands between two marks, as places in a text.

    Attributes:
        mark: the closing mark.
        start: where the opening one is; of three quotes the first.
        stop: where the closing one is; of three quotes the first.
    """

    mark: str
    start: int
    stop: int


def enclosed(text: str) -> list[Enclosed]:
    """Closed brackets and quotes, by where they close; the places are characters.

    Quotes that were opened before the text are left out.
    """
    quotes = (it for it in quotes_and_comments(text)[0] if it.closed and text[it.start] in "'\"")
    found = [Enclosed(text[it.end - it.marks], it.start, it.end - it.marks) for it in quotes]
    depth = np.pad(bracket_depth(text), (1, 0))  # before each character, and after the last
    opened: dict[int, int] = {}  # the last character that took the depth up from so much
    for n, (before, after) in enumerate(zip(depth[:-1].tolist(), depth[1:].tolist(), strict=True)):
        if after > before:
            opened[before] = n
        elif after < before and text[n] in CLOSES and text[opened[after]] == CLOSES[text[n]]:
            found.append(Enclosed(text[n], opened[after], n))
    return sorted(found, key=lambda it: it.stop)


def enclosed_units(reading: Reading) -> list[Enclosed]:
    """The same where the places are units of a reading; a unit of several characters is where each of them is."""
    place = character_of(reading)

    def unit(character: int) -> int:
        return int(np.searchsorted(place, character, side="right")) - 1

    return [Enclosed(mark, unit(start), unit(stop)) for mark, start, stop in enclosed(reading.text)]
