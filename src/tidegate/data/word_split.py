"""Split texts into words or characters, reversibly: the joined pieces are the text.

A word includes the space before it, so no rule is needed to join words; clitics such as "l'" or "don'" are pieces of
their own. A space is put before every text, so that its first word is the same piece as in the middle of a text.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

Level = Literal["words", "characters"]
PIECE = re.compile(r"\s?\w+['’]?|\s?[^\w\s]|\s")
FEW = 5  # words per text on average; with fewer, texts are split into characters


def pieces(text: str, level: Level) -> list[str]:
    """Split a text into pieces."""
    return PIECE.findall(" " + text) if level == "words" else list(text)


def joined(found: Iterable[str], level: Level) -> str:
    """Join pieces to a text."""
    text = "".join(found)
    return text.removeprefix(" ") if level == "words" else text


class TextCounts:
    """Counts of words and pieces, to choose between words and characters."""

    def __init__(self) -> None:
        self.texts = self.words = 0
        self.counts: dict[Level, Counter[str]] = {"words": Counter(), "characters": Counter()}

    def add(self, text: str) -> None:
        """Count a text."""
        self.texts += 1
        self.words += len(text.split())
        for level, counts in self.counts.items():
            counts.update(pieces(text, level))

    @property
    def average(self) -> float:
        """Words per text."""
        return self.words / max(1, self.texts)

    def level(self, asked: Literal["auto", "words", "characters"]) -> Level:
        """Choose words or characters: as given, or for "auto" characters if there are few words per text."""
        if asked != "auto":
            return asked
        return "characters" if self.average < FEW else "words"
