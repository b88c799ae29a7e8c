"""Unicode normalisation of a stream, the same wherever the stream is cut."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from tidegate.errors import ArgumentError

Normalize = Literal["NFC"] | None

# No language puts this many marks on one letter (Unicode's stream-safe format allows 30). Without a limit a file of
# nothing but marks would have to be held in memory whole, and sorting its marks takes quadratic time.
LONGEST_RUN = 256


def normalized(blocks: Iterable[str], form: Normalize) -> Iterator[str]:
    """Normalise a text that comes in blocks as if it came in one piece.

    Composition (NFC, Unicode Standard Annex 15) joins a character to marks or jamo that follow it, so the last such
    group of each block waits for the next block. A run of more than 256 marks, which no language has, is cut after
    every 256.

    Args:
        blocks: the text.
        form: "NFC", or None to pass the text on as it is.

    Yields:
        The normalised text, in pieces; some may be empty.

    Raises:
        ArgumentError: ``form`` is neither "NFC" nor None.
    """
    if form not in ("NFC", None):
        raise ArgumentError(f"normalize is {form!r}, but must be 'NFC' or None.")
    if form is None:
        yield from blocks
        return
    held = ""
    for block in blocks:
        if not block:
            continue
        *pieces, last = _segments(held + block)
        cut = _last_start(last)
        for piece in (*pieces, last[:cut]):
            yield unicodedata.normalize("NFC", piece)
        held = last[cut:]
    yield unicodedata.normalize("NFC", held)


def normalize_text(text: str, form: Normalize) -> str:
    """Normalise one string, exactly as `normalized` does a stream."""
    if form == "NFC" and text.isascii():
        return text
    return "".join(normalized([text], form))


def _segments(text: str) -> list[str]:
    """Cut after every LONGEST_RUN characters in a row that may join what is before them."""
    if text.isascii():
        return [text]
    cuts = [0, *(match.end() for match in _joining_run().finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts)]


def _last_start(text: str) -> int:
    """The index of the last character that joins nothing before it; 0 if there is none."""
    joining = _joining()
    index = len(text) - 1
    while index > 0 and text[index] in joining:
        index -= 1
    return max(index, 0)


@lru_cache(maxsize=1)
def _joining() -> frozenset[str]:
    """All characters that may be reordered or composed with what is before them.

    Those whose canonical decomposition begins with a mark of non-zero combining class, or with the second half of a
    composition: vowel and final jamo and a few vowel signs have class zero and compose all the same.
    """
    points = [chr(point) for point in range(0x110000)]
    seconds = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for c in points:
        parts = unicodedata.decomposition(c).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(chr(int(parts[1], 16)))

    def joins(c: str) -> bool:
        first = unicodedata.normalize("NFD", c)[0]
        return first in seconds or unicodedata.combining(first) > 0

    return frozenset(c for c in points if joins(c))


@lru_cache(maxsize=1)
def _joining_run() -> re.Pattern[str]:
    return re.compile(f"[{''.join(sorted(_joining()))}]{{{LONGEST_RUN}}}")
