"""The simple oracles that errors are explained by: of characters and bytes, and of words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.lens.predictions.compare import character_of, words_of
from tidegate.lens.record.reading import Reading
from tidegate.text import Tokenizer
from tidegate.text.tokenizers.tokenizer import WordTokenizer
from tidegate.text.tokenizers.words import END, UNKNOWN

Ids = NDArray[np.integer]


class Oracle(NamedTuple):
    """What would be known to a model that had one simple piece of knowledge.

    Attributes:
        name: its name.
        meaning: what it knows of the token, a clause.
        explains: (N,) the tokens of a reading whose errors it removes.
    """

    name: str
    meaning: str
    explains: NDArray[np.bool_]


def character_oracles(
    reading: Reading, tokenizer: Tokenizer, counted: Ids, *, memory: Sequence[int], rare: Sequence[int], word: str
) -> Iterator[Oracle]:
    """Yield the oracles of a model of characters or bytes.

    Args:
        reading: a text as the model read it.
        tokenizer: the model's tokenizer.
        counted: the tokens of the training text that are counted.
        memory: the k of "memory".
        rare: the k of "rare".
        word: a regular expression of words.
    """
    text, place = reading.text, character_of(reading)
    words = _Words(text, word)
    for k in memory:
        meaning = f"its word is among the last {k:,} characters"
        yield Oracle(f"memory {k}", meaning, (words.since <= k)[place] & ~words.starts[place])
    seen = words.counts(tokenizer.decode(counted))
    for k in rare:
        yield Oracle(f"rare {k}", _rarity("its word", k), words.inside[place] & (seen <= k)[place])
    yield Oracle("word start", "it begins a word", words.starts[place])
    plain = np.array([it.isalnum() or it == "_" for it in text])
    beside = ~(plain & np.append(True, plain[:-1]))
    yield Oracle("punctuation", "it or the character before it is no letter, digit or _", beside[place])


def word_oracles(
    ids: Ids, tokenizer: WordTokenizer, counted: Ids, *, frequent: Sequence[int], memory: Sequence[int],
    rare: Sequence[int],
) -> Iterator[Oracle]:  # fmt: skip
    """Yield the oracles of a model of words.

    Those of marks and of frequent words come first: they stand in every stretch of text, so that a memory would explain
    them by chance.

    Args:
        ids: the tokens that were read, (N,).
        tokenizer: the model's tokenizer.
        counted: the tokens of the training text that are counted.
        frequent: the k of "frequent".
        memory: the k of "memory", in words.
        rare: the k of "rare".
    """
    words = tokenizer.words
    yield Oracle("line end", "it ends a line", np.array([it == END for it in words])[ids])
    marks = np.array([it != END and not any(map(str.isalnum, it)) for it in words])
    yield Oracle("punctuation", "it has no letter or digit", marks[ids])
    unknown = np.array([it == UNKNOWN for it in words])[ids]
    yield Oracle("unknown", f"it is {UNKNOWN}, a word outside the vocabulary", unknown)
    counts = np.bincount(counted, minlength=len(words))
    rank = np.empty(len(words), np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(words))
    for k in frequent:
        meaning = f"it is among the {k:,} most frequent words of the training text"
        yield Oracle(f"frequent {k}", meaning, (rank < k)[ids])
    since = _words_since(ids)
    for k in memory:
        yield Oracle(f"memory {k}", f"it is among the last {k:,} words", since <= k)
    for k in rare:
        yield Oracle(f"rare {k}", _rarity("it", k), (counts <= k)[ids])


def _rarity(what: str, k: int) -> str:
    return f"{what} is {f'at most {k:,} times' if k else 'not'} in the training text"


def _words_since(ids: Ids) -> NDArray[np.int64]:
    """Return for each word the number of words since it last occurred; huge if it did not."""
    since = np.full(len(ids), np.iinfo(np.int64).max)
    last: dict[int, int] = {}
    for n, word in enumerate(ids.tolist()):
        if word in last:
            since[n] = n - last[word]
        last[word] = n
    return since


class _Words:
    """The words of a text, spread over its characters.

    Attributes:
        inside: (C,) whether the character is in a word.
        starts: (C,) whether it is a word's first.
        since: (C,) characters from the last occurrence of its word to its word's beginning; huge if there is none.
    """

    def __init__(self, text: str, pattern: str) -> None:
        self.pattern = pattern
        self.inside, self.starts = np.zeros(len(text), bool), np.zeros(len(text), bool)
        self.since = np.full(len(text), np.iinfo(np.int64).max)
        self.found = list(words_of(text, pattern))
        last: dict[str, int] = {}
        for start, stop, word in self.found:
            self.inside[start:stop] = self.starts[start] = True
            if word in last:
                self.since[start:stop] = start - last[word]
            last[word] = start

    def counts(self, training: str) -> NDArray[np.int64]:
        """Return how often each character's word occurs in a training text, (C,)."""
        here = {word for *_, word in self.found}
        counts = Counter(word for *_, word in words_of(training, self.pattern) if word in here)
        values = np.zeros(len(self.inside), np.int64)
        for start, stop, word in self.found:
            values[start:stop] = counts[word]
        return values
