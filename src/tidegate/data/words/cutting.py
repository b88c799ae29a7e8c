"""Cut words from raw text as the words of some training data were cut.

Data for tagging are words, and say nothing of the text they came from: whether commas were put apart, whether *don't*
is one word or *do n't*. `find_cutting` finds it out from the words themselves: it asks of each mark (a character that
is neither letter nor digit) whether it stands alone more often than it begins, or ends, a longer word.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from tidegate.data.vocabulary import Vocabulary

CHUNK = re.compile(r"\S+")
SUFFIX, PREFIX = re.compile(r"'[^\W\d_]{1,3}|n't"), re.compile(r"[^\W\d_]{1,5}'")
OFTEN = 2  # what occurs once may be a slip
SENTENCE_MARKS = frozenset(".,;!?。、！？")
NEVER_WITHIN = frozenset(".,:'_")  # of numbers, names and addresses, wherever else they stand alone
PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"}
KEYS = ("attached_before", "attached_after", "apart_within", "clitics", "whole")


class Word(NamedTuple):
    """A word of a text: ``text[start:end]``, in code points."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Cutting:
    """How words are cut from a text: at blanks, then at marks and clitics.

    Attributes:
        marks_apart: whether marks are put apart from the words that they begin or end; if not, nothing else is either.
        attached_before: marks that remain part of the word that they begin.
        attached_after: the same, of the word that they end.
        apart_within: marks that divide words, as the hyphen does in some data.
        clitics: parts of words that are words of their own: ``'s`` and ``n't`` at the end, ``l'`` at the beginning.
        whole: words that are not cut, whatever their marks: abbreviations, emoticons, dots.
    """

    marks_apart: bool = False
    attached_before: frozenset[str] = frozenset()
    attached_after: frozenset[str] = frozenset()
    apart_within: frozenset[str] = frozenset()
    clitics: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    def words(self, text: str) -> list[Word]:
        """Cut a text into words; all of it but the blanks is in one of them."""
        chunks = ((found[0], found.start()) for found in CHUNK.finditer(text))
        if not self.marks_apart:
            return [Word(chunk, start, start + len(chunk)) for chunk, start in chunks]
        return [it for chunk, start in chunks for it in self._cut(chunk, start)]

    def record(self) -> dict[str, list[str]]:
        """Return plain JSON values, none for `AT_BLANKS`; `from_record` is the inverse."""
        return {key: sorted(getattr(self, key)) for key in KEYS} if self.marks_apart else {}

    @staticmethod
    def from_record(record: Mapping[str, list[str]]) -> "Cutting":
        """Make a cutting of what `record` returned.

        Raises:
            ValueError: it is something else.
        """
        if not record:
            return AT_BLANKS
        if set(record) != set(KEYS) or not all(isinstance(it, str) and it for own in record.values() for it in own):
            raise ValueError(f"should hold lists of texts: {', '.join(KEYS)}")
        return Cutting(True, **{key: frozenset(record[key]) for key in KEYS})

    def _cut(self, chunk: str, start: int) -> Iterator[Word]:
        """Cut what is between two blanks: first what can be put apart at its ends, then within."""
        after: list[Word] = []
        while chunk and not self._is_whole(chunk):
            if size := self._leading(chunk):
                yield Word(chunk[:size], start, start + size)
                chunk, start = chunk[size:], start + size
            elif size := self._trailing(chunk):
                end = start + len(chunk)
                after.append(Word(chunk[-size:], end - size, end))
                chunk = chunk[:-size]
            else:
                break
        yield from self._within(chunk, start)
        yield from reversed(after)

    def _is_whole(self, chunk: str) -> bool:
        return chunk.isalnum() or chunk in self.whole or _folded(chunk) in self.clitics

    def _leading(self, chunk: str) -> int:
        """The length of what is put apart at the beginning of a chunk, 0 if nothing is."""
        for size in range(min(self._longest, len(chunk) - 1), 1, -1):
            piece = chunk[:size]
            if piece in self._runs or (_folded(piece) in self.clitics and PREFIX.fullmatch(_folded(piece))):
                return size
        return int(is_mark(chunk[0]) and chunk[0] not in self.attached_before and not _continues(chunk[1:2]))

    def _trailing(self, chunk: str) -> int:
        for size in range(min(self._longest, len(chunk) - 1), 1, -1):
            piece = chunk[-size:]
            if piece in self._runs or (_folded(piece) in self.clitics and SUFFIX.fullmatch(_folded(piece))):
                return size
        return int(is_mark(chunk[-1]) and chunk[-1] not in self.attached_after)

    def _within(self, chunk: str, start: int) -> Iterator[Word]:
        if self._is_whole(chunk) or not self.apart_within.intersection(chunk):
            cuts = [0, len(chunk)]
        else:
            marks = [
                n for n, it in enumerate(chunk) if it in self.apart_within and not _continues(chunk[n + 1 : n + 2])
            ]
            cuts = sorted({0, len(chunk), *marks, *(n + 1 for n in marks)})
        for begin, end in pairwise(cuts):
            if begin < end:
                yield Word(chunk[begin:end], start + begin, start + end)

    @cached_property
    def _runs(self) -> frozenset[str]:
        """The words of several marks."""
        return frozenset(it for it in self.whole if len(it) > 1 and all(map(is_mark, it)))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._runs | self.clitics), default=0)


AT_BLANKS = Cutting()
"""Cut at blanks only."""


def find_cutting(words: Mapping[str, int]) -> Cutting:
    """Find how the words of some data were cut from their texts.

    Args:
        words: count of each word.
    """
    marked = {word: count for word, count in words.items() if not word.isalnum() and " " not in word}
    clitics = _find_clitics(words)
    alone, before, after, within = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for word, count in marked.items():
        if all(map(is_mark, word)):
            for mark in set(word):
                alone[mark] += count
        elif _folded(word) not in clitics:
            before[word[0]] += count
            if word[-1] != "." or word[:-1] in words:  # otherwise it is an abbreviation's
                after[word[-1]] += count
            within.update(dict.fromkeys(word[1:-1], count))
    if sum(after[it] for it in SENTENCE_MARKS) > sum(alone[it] for it in SENTENCE_MARKS):
        return AT_BLANKS
    rules = Cutting(
        True,
        attached_before=frozenset(it for it, count in before.items() if is_mark(it) and count > alone[it]),
        attached_after=frozenset(it for it, count in after.items() if is_mark(it) and count > alone[it]),
        apart_within=frozenset(it for it in set(alone) - NEVER_WITHIN if alone[it] > 10 * within[it]),
        clitics=clitics,
    )
    often = (word for word, count in marked.items() if count >= OFTEN and len(word) > 1)
    whole = frozenset(it for it in often if all(map(is_mark, it)) or len(rules.words(it)) > 1)
    return replace(rules, whole=whole)


def already_cut(chunks: Mapping[str, int]) -> bool:
    """Whether texts have blanks between their words and their punctuation, as tokenised ones do.

    Args:
        chunks: count of what is between blanks.
    """
    alone = sum(count for it, count in chunks.items() if it in SENTENCE_MARKS)
    ending = sum(count for it, count in chunks.items() if it[-1] in SENTENCE_MARKS and len(it) > 1)
    return alone > 9 * ending


def described(cutting: Cutting, words: Mapping[str, int]) -> str:
    """Describe a cutting, with the share of the words that it was found from and leaves as they are."""
    kept = sum(count for word, count in words.items() if [it.word for it in cutting.words(word)] == [word])
    share = 100 * kept / max(1, sum(words.values()))
    marks = "punctuation apart" if cutting.marks_apart else "at blanks only"
    clitics = f"; {' '.join(sorted(cutting.clitics)[:8])} apart" if cutting.clitics else ""
    return f"texts to predict for will be cut as these words were: {marks}{clitics} ({share:.1f}% of them stay whole)"


def plain(word: str, known: Vocabulary) -> str:
    """Return a word with typographic quotation marks and dashes in their plain forms, where only these are known.

    Args:
        word: a word of a text.
        known: the characters of the training part.
    """
    return "".join(PLAIN[it] if it in PLAIN and it not in known and PLAIN[it] in known else it for it in word)


def is_mark(character: str) -> bool:
    """Whether a character is a punctuation mark or a symbol."""
    return unicodedata.category(character)[0] in "PS" and not _continues(character)


def _continues(character: str) -> bool:
    """Whether a character belongs to the one before it: accents, joiners, skin tones of emoji."""
    return "\U0001f3fb" <= character <= "\U0001f3ff" or any(unicodedata.category(it)[0] in "MC" for it in character)


def _find_clitics(words: Mapping[str, int]) -> frozenset[str]:
    folded = Counter[str]()
    for word, count in words.items():
        folded[_folded(word)] += count
    found = set()
    for word, count in folded.items():
        suffix = SUFFIX.fullmatch(word) is not None
        bare = word.strip("'")
        quoted = folded[bare] if bare != word else 0  # 'the is a quotation mark and a word
        if count >= OFTEN and count > quoted and (suffix or PREFIX.fullmatch(word)):
            ends = str.endswith if suffix else str.startswith
            if count >= sum(other for it, other in folded.items() if it != word and ends(it, word)):
                found.add(word)
    return frozenset(found)


def _folded(word: str) -> str:
    return word.lower().replace("’", "'")
