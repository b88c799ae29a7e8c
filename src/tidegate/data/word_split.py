"""Texts as words or characters, in a way that can be undone: the pieces of a text, joined, are the text.

A word takes the space before it along, so that " go" and "Go" need no rule for what goes between them; what elides, as
"l'" or "don'", is a piece of its own. Every text is thought to begin with a space, so that its first word is no other
than in the middle.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

Level = Literal["words", "characters"]
PIECE = re.compile(r"\s?\w+['’]?|\s?[^\w\s]|\s")
FEW = 5  # words a text on average: with fewer its characters say more than its words


def pieces(text: str, level: Level) -> list[str]:
    """A text's pieces."""
    return PIECE.findall(" " + text) if level == "words" else list(text)


def joined(found: Iterable[str], level: Level) -> str:
    """The text of some pieces."""
    text = "".join(found)
    return text.removeprefix(" ") if level == "words" else text


class TextCounts:
    """How many words texts have, and which pieces, to decide what a step is."""

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
        """Words a text."""
        return self.words / max(1, self.texts)

    def level(self, asked: Literal["auto", "words", "characters"]) -> Level:
        """What a step is: as asked, or characters if there are few words."""
        if asked != "auto":
            return asked
        return "characters" if self.average < FEW else "words"
