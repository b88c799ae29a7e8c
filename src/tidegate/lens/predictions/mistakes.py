"""Errors peeled: which mistakes of a model would be gone if it knew what simple oracles know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import Scale, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text, tinted_text, together
from tidegate.lens.predictions.compare import character_of, words_of
from tidegate.lens.record.reading import Reading
from tidegate.text import Tokenizer
from tidegate.text.corpus.kneser_ney import ngram_probabilities

WORD = r"\S+"
NONE = -1

Ids = NDArray[np.integer]


@dataclass(frozen=True)
class Mistakes:
    """Each error of a reading, by the first oracle that would have avoided it.

    Attributes:
        classes: the oracles in the order in which they were asked, then "left": what none of them explains.
        which: (N,) int8, for each unit of the reading the place of its class in ``classes``; -1 where it is no error.
        order: (N,) int8, for errors of the class "n-gram" the smallest n whose n-grams foresee the unit; else 0.
        note: if only a part of the training text was counted, a sentence that says so; else None.
        pieces: the N stretches of text.
    """

    classes: tuple[str, ...]
    which: NDArray[np.int8]
    order: NDArray[np.int8]
    note: str | None
    pieces: Sequence[str] = field(repr=False)

    @property
    def errors(self) -> int:
        """How many units are errors."""
        return int(np.count_nonzero(self.which != NONE))

    @property
    def removed(self) -> dict[str, int]:
        """How many errors each oracle removes of those that the ones before it left; together they are all errors."""
        counts = np.bincount(self.which[self.which != NONE], minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    @property
    def remaining(self) -> dict[str, float]:
        """The share of all units that are still errors after each oracle."""
        left = self.errors - np.cumsum(list(self.removed.values()))
        return dict(zip(self.classes, (left / len(self.which)).tolist(), strict=True))

    def __str__(self) -> str:
        return f"{self._said()}\n{table_text(*self._table())}"

    def _repr_html_(self) -> str:
        """A notebook's view: what each oracle takes away, and the text with its errors tinted by the oracle."""
        known = ["no error", *self.classes]
        titles = [
            known[place + 1] + (f", n = {n}" if n else "") for place, n in zip(self.which, self.order, strict=True)
        ]
        rows = np.where(self.which == NONE, np.nan, self.which + 1)
        scale = Scale("sequential", len(self.classes), "row of the table")
        text = tinted_text(self.pieces, rows, "Errors, by the row of what takes them away", titles=titles, scale=scale)
        return together(table_html(*self._table(), caption=self._said()), text)

    def _said(self) -> str:
        return f"{self.errors} errors in {len(self.which)} units" + (f"; {self.note}" if self.note else "")

    def _table(self) -> Table:
        most, left = max(self.errors, 1), self.remaining
        rows = [[n, it, gone, gone / most, left[it]] for n, (it, gone) in enumerate(self.removed.items(), 1)]
        return rows, ("", "taken away by", "errors", "share of the errors", "units still wrong")


def mistakes(
    reading: Reading,
    tokenizer: Tokenizer,
    training: Ids,
    *,
    orders: int = 9,
    memory: Sequence[int] = (100, 500, 1000, 5000),
    rare: Sequence[int] = (0, 5),
    boost: Sequence[float] = (0.4, 0.3, 0.2, 0.1),
    threshold: float = 0.5,
    word: str = WORD,
    max_train: int = 2_000_000,
) -> Mistakes:
    """Peel a reading's errors, after Karpathy, Johnson & Fei-Fei (2015), section 4.4.

    An error is a unit to which the model gave a probability below one half. The oracles, each of which takes away what
    those before it left:

    - "n-gram": some n-gram model, n from 1 to ``orders``, gives the unit one half or more (of all n the best, chosen
      afterwards). Modified Kneser-Ney smoothing, counted on the training text.
    - "memory k": the word that the unit is in stood within the last k characters before it. The word's first character
      is not taken away, since nothing before it says that the word comes again.
    - "rare k": the word stands at most k times in the training text.
    - "word start": the unit is the first character of a word.
    - "punctuation": the character or the one before it is not a letter, digit or underscore.
    - "boost p": the model gave it p or more.

    What differs from the paper's is said in the guide, `docs/look/errors.md`.

    Args:
        reading: by a model of characters or bytes.
        tokenizer: the model's vocabulary.
        training: the units it was trained on, (M,).
        orders: the largest n; 0 asks no n-grams.
        memory: the k of "memory", rising.
        rare: the k of "rare", rising.
        boost: the p of "boost", falling.
        threshold: from which probability on a unit is no error, for the model and the n-grams.
        word: what a word is, a regular expression; what stands between blanks if not given. For program text,
            ``\\w+`` is the better one.
        max_train: of a longer training text only the last so many units are counted, which bounds memory and time.

    Raises:
        ArgumentError: the units are tokens, of which the oracles know nothing, or only a part of a character was read,
            or a number is out of range, or ``word`` is no regular expression.
    """
    if tokenizer.kind == "bpe":
        raise ArgumentError("the oracles are about characters, but this model's units are tokens")
    _check(orders, memory, rare, boost, threshold, max_train)
    count = len(reading)
    text, place = reading.text, character_of(reading)
    counted = np.asarray(training[-max_train:]).astype(np.int64)
    wrong = reading.log_p < _log(threshold)
    classes: list[str] = []
    which, order = np.full(count, NONE, np.int8), np.zeros(count, np.int8)

    def take(name: str, explained: NDArray[np.bool_]) -> None:
        which[wrong & (which == NONE) & explained] = len(classes)
        classes.append(name)

    if orders:
        order = _foreseen(counted, reading.ids, tokenizer.vocabulary_size, orders, threshold)
        take("n-gram", order > 0)
        order[which == NONE] = 0
    words = _Words(text, word)
    for k in memory:
        take(f"memory {k}", (words.since <= k)[place] & ~words.starts[place])
    seen = words.counts(tokenizer.decode(counted))
    for k in rare:
        take(f"rare {k}", words.inside[place] & (seen <= k)[place])
    take("word start", words.starts[place])
    plain = np.array([it.isalnum() or it == "_" for it in text])
    take("punctuation", ~(plain & np.append(True, plain[:-1]))[place])
    for low in boost:
        take(f"boost {low:g}", reading.log_p >= _log(low))
    take("left", np.ones(count, bool))
    part = f"counted on the last {max_train:,} of {len(training):,} training units"
    return Mistakes(tuple(classes), which, order, part if len(training) > max_train else None, tuple(reading.pieces))


def _log(p: float) -> np.float32:
    """As a reading has it: a probability of exactly the threshold must not fail it by rounding."""
    return np.log(np.float32(p))


class _Words:
    """The words of a text, spread over its characters.

    Attributes:
        inside: (C,) whether the character is in a word.
        starts: (C,) whether it is a word's first.
        since: (C,) how many characters before its word's beginning the same word began last; huge if never.
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
        """(C,) how often each character's word stands in a training text."""
        here = {word for *_, word in self.found}
        counts = Counter(word for *_, word in words_of(training, self.pattern) if word in here)
        values = np.zeros(len(self.inside), np.int64)
        for start, stop, word in self.found:
            values[start:stop] = counts[word]
        return values


def _foreseen(train: Ids, text: Ids, size: int, orders: int, threshold: float) -> NDArray[np.int8]:
    """The smallest n at which an n-gram model gives each unit the threshold or more; 0 where none does."""
    order = np.zeros(len(text), np.int8)
    probabilities: Iterator[NDArray[np.float64]] = ngram_probabilities(train, text, size, orders)
    for n, p in enumerate(probabilities):
        if n:
            order[(order == 0) & (p >= threshold)] = n
    return order


def _check(
    orders: int,
    memory: Sequence[int],
    rare: Sequence[int],
    boost: Sequence[float],
    threshold: float,
    max_train: int,
) -> None:
    if not 0 <= orders <= 20 or max_train < 1 or not 0 < threshold <= 1:
        raise ArgumentError(
            f"orders={orders}, max_train={max_train}, threshold={threshold}: give an n of 0 to 20, at least 1 unit, "
            "and a probability above 0"
        )
    for name, values, low in (("memory", memory, 1), ("rare", rare, 0), ("boost", [-it for it in boost], -threshold)):
        if any(a >= b for a, b in pairwise(values)) or any(it < low for it in values):
            shown = boost if name == "boost" else tuple(values)
            way = f"falling, none above {threshold}" if name == "boost" else f"rising, none below {low}"
            raise ArgumentError(f"{name}={shown}: give them {way}")
