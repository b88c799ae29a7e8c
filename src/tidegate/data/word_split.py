"""Split texts into words or characters.

The bounds of words are those of Unicode Standard Annex 29 in that none is beside a combining mark or a joiner: vowel
signs, accents, emoji of several parts and the non-joiner of Persian stay with what they belong to. Unlike there,
letters without spaces between them are one word in every script, and a full stop, comma or colon ends a word or number.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

from tidegate.io.optional import needed

Level = Literal["words", "characters"]
SPACE = r"[\s\x1c-\x1f]"
LETTER = r"[\w\p{N}]"
SYMBOL = r"(?:\p{Regional_Indicator}{2}|[^\w\p{N}\s\x1c-\x1f])"
# What belongs to the character before it.
ATTACHED = r"(?:[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]|(?<=\u200d)\p{Extended_Pictographic})*"
RUN = f"(?:{LETTER}{ATTACHED})+"
WITHIN = "['’·\u0387\u055f\u05f4\u2027]"  # between letters these are part of a word
WORD = f"{RUN}(?:{WITHIN}{ATTACHED}{RUN})*|{SYMBOL}{ATTACHED}"
PIECE = f"{SPACE}?{RUN}(?:['’]{ATTACHED})?|{SPACE}?{SYMBOL}{ATTACHED}|{SPACE}"
FEW = 5  # words per text on average; with fewer, texts are split into characters


def pieces(text: str, level: Level) -> list[str]:
    """Split a text into pieces, reversibly: joined they are the text.

    A word includes the space before it, so no rule is needed to join words; clitics such as "l'" or "don'" are pieces
    of their own. A space is put before every text, so that its first word is the same piece as in the middle of one.
    """
    return _compiled(PIECE).findall(" " + text) if level == "words" else list(text)


def words_of(text: str) -> list[str]:
    """Return the words and single symbols of a text, without the spaces between them."""
    return _compiled(WORD).findall(text)


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


@lru_cache
def _compiled(pattern: str) -> Any:
    return needed("regex", "Splitting texts into words needs").compile(pattern)
