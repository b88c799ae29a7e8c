"""Breakdown of errors by the simple oracle that would have avoided each (Karpathy et al. 2015, section 4.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import Scale, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text, tinted_text, together
from tidegate.lens.predictions.oracles import Ids, Oracle, character_oracles, word_oracles
from tidegate.lens.progress import report_progress
from tidegate.lens.record.reading import Reading
from tidegate.text import Tokenizer
from tidegate.text.corpus.kneser_ney import ngram_probabilities
from tidegate.text.tokenizers.tokenizer import WordTokenizer

WORD = r"\S+"
NONE = -1


@dataclass(frozen=True)
class Mistakes:
    """Each error of a reading, by the first oracle that would have avoided it.

    Attributes:
        classes: the oracles in the order in which they are applied, then "left": errors that none of them avoids.
        meanings: what each knows, a clause about the token.
        which: (N,) int8, for each token of the reading the index of its class in ``classes``; -1 if it is no error.
        order: (N,) int8, for errors of the class "n-gram" the smallest n whose n-grams predict the token; else 0.
        note: a sentence on the part of the training text that was counted, if not all; else None.
        log_p: (N,) log p of each token, in nats.
        pieces: the N tokens' texts.
    """

    classes: tuple[str, ...]
    meanings: tuple[str, ...]
    which: NDArray[np.int8]
    order: NDArray[np.int8]
    note: str | None
    log_p: NDArray[np.floating] = field(repr=False)
    pieces: Sequence[str] = field(repr=False)

    @property
    def errors(self) -> int:
        """The number of errors."""
        return int(np.count_nonzero(self.which != NONE))

    @property
    def removed(self) -> dict[str, int]:
        """The number of errors that each oracle removes of those left by the ones before it; they sum to all errors."""
        counts = np.bincount(self.which[self.which != NONE], minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    @property
    def remaining(self) -> dict[str, float]:
        """The share of all tokens that are still errors after each oracle."""
        left = self.errors - np.cumsum(list(self.removed.values()))
        return dict(zip(self.classes, (left / len(self.which)).tolist(), strict=True))

    @property
    def nats(self) -> dict[str, float]:
        """The loss of each class's errors, in nats per token of the text; what is missing to the loss is no error's."""
        losses = np.bincount(self.which + 1, -self.log_p.astype(np.float64), len(self.classes) + 1)[1:]
        return dict(zip(self.classes, (losses / len(self.which)).tolist(), strict=True))

    def __str__(self) -> str:
        return f"{self._summary()}\n{table_text(*self._table())}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the errors that each oracle removes, and the text with its errors tinted by oracle."""
        known = ["no error", *self.classes]
        titles = [
            known[place + 1] + (f", n = {n}" if n else "") for place, n in zip(self.which, self.order, strict=True)
        ]
        rows = np.where(self.which == NONE, np.nan, self.which + 1)
        scale = Scale("sequential", len(self.classes), "row of the table")
        text = tinted_text(
            self.pieces, rows, "Errors, by the row of the oracle that removes them", titles=titles, scale=scale
        )
        return together(table_html(*self._table(), caption=self._summary()), text)

    def _summary(self) -> str:
        return f"{self.errors} errors in {len(self.which)} tokens" + (f"; {self.note}" if self.note else "")

    def _table(self) -> Table:
        most, left = max(self.errors, 1), self.remaining
        nats = self.nats
        rows = [[n, it, gone, gone / most, left[it], nats[it]] for n, (it, gone) in enumerate(self.removed.items(), 1)]
        return rows, ("", "removed by", "errors", "share of the errors", "tokens still wrong", "nats per token")


def mistakes(
    reading: Reading,
    tokenizer: Tokenizer,
    training: Ids,
    *,
    orders: int = 9,
    memory: Sequence[int] = (100, 500, 1000, 5000),
    rare: Sequence[int] = (0, 5),
    frequent: Sequence[int] = (100,),
    boost: Sequence[float] = (0.4, 0.3, 0.2, 0.1),
    threshold: float = 0.5,
    word: str = WORD,
    max_train: int = 2_000_000,
) -> Mistakes:
    """Break down a reading's errors, after Karpathy, Johnson & Fei-Fei (2015), section 4.4.

    An error is a token to which the model gave a probability below one half. The oracles, each of which removes errors
    that those before it left, are for a model of characters or bytes

    - "n-gram": some n-gram model, n from 1 to ``orders``, gives the token one half or more (the best of all n, chosen
      afterwards). Modified Kneser-Ney smoothing, counted on the training text.
    - "memory k": the word that the token is in occurred within the last k characters before it. Errors at the word's
      first character are not removed, since nothing before it shows that the word comes again.
    - "rare k": the word occurs at most k times in the training text.
    - "word start": the token is the first character of a word.
    - "punctuation": the character or the one before it is not a letter, digit or underscore.
    - "boost p": the model gave it p or more.

    and for a model of words

    - "n-gram": as above.
    - "line end", "punctuation", "unknown": the token ends a line; has no letter or digit; is <unk>.
    - "frequent k": the word is among the k most frequent of the training text.
    - "memory k": the word occurred within the last k words: the most that a cache of k words can do.
    - "rare k", "boost p": as above.

    The guide, `docs/look/errors.md`, lists the differences from the paper.

    Args:
        reading: by a model of characters, bytes or words.
        tokenizer: the model's tokenizer.
        training: the tokens it was trained on, (M,).
        orders: the largest n; 0 for no n-grams.
        memory: the k of "memory", rising.
        rare: the k of "rare", rising.
        frequent: the k of "frequent", rising; models of characters or bytes do not use it.
        boost: the p of "boost", falling.
        threshold: probability from which on a token is not an error, for the model and the n-grams.
        word: a regular expression of words, for characters and bytes. Default: what is between blanks. For program
            text, ``\\w+`` is better.
        max_train: at most this number of training tokens is counted, the last ones, which bounds memory and time.

    Raises:
        ArgumentError: the model reads subwords, for which the oracles are not defined; the reading has no whole
            character; a number is out of range; or ``word`` is not a regular expression.
    """
    if tokenizer.kind == "bpe":
        raise ArgumentError("The oracles need a model of characters, bytes or words, but this one reads subwords.")
    _check(orders, memory, rare, frequent, boost, threshold, max_train)
    counted = np.asarray(training[-max_train:]).astype(np.int64)
    wrong = reading.log_p < _log(threshold)
    found: list[Oracle] = []
    which, order = np.full(len(reading), NONE, np.int8), np.zeros(len(reading), np.int8)

    def take(oracle: Oracle) -> None:
        which[wrong & (which == NONE) & oracle.explains] = len(found)
        found.append(oracle)

    if orders:
        order = _predicted_by(counted, reading.ids, tokenizer.vocabulary_size, orders, threshold)
        take(Oracle("n-gram", f"an n-gram model of the training text expects it, n up to {orders}", order > 0))
        order[which == NONE] = 0
    oracles = (
        word_oracles(reading.ids, tokenizer, counted, frequent=frequent, memory=memory, rare=rare)
        if isinstance(tokenizer, WordTokenizer)
        else character_oracles(reading, tokenizer, counted, memory=memory, rare=rare, word=word)
    )
    for oracle in oracles:
        take(oracle)
    for low in boost:
        meaning = f"the model was close: it gave it {low:g} or more"
        take(Oracle(f"boost {low:g}", meaning, reading.log_p >= _log(low)))
    take(Oracle("left", "none of these explains it", np.ones(len(reading), bool)))
    part = f"counted on the last {max_train:,} of {len(training):,} training tokens"
    names, meanings = tuple(it.name for it in found), tuple(it.meaning for it in found)
    note = part if len(training) > max_train else None
    return Mistakes(names, meanings, which, order, note, reading.log_p, tuple(reading.pieces))


def _log(p: float) -> np.float32:
    """Return log p in a reading's precision: a probability of exactly the threshold must not fail by rounding."""
    return np.log(np.float32(p))


def _predicted_by(train: Ids, text: Ids, size: int, orders: int, threshold: float) -> NDArray[np.int8]:
    """Return the smallest n at which an n-gram model gives each token the threshold or more; 0 if none does."""
    order = np.zeros(len(text), np.int8)
    probabilities: Iterator[NDArray[np.float64]] = ngram_probabilities(train, text, size, orders)
    for n, p in enumerate(probabilities):
        report_progress("Counting n-grams of the training text", n / orders)
        if n:
            order[(order == 0) & (p >= threshold)] = n
    return order


def _check(
    orders: int,
    memory: Sequence[int],
    rare: Sequence[int],
    frequent: Sequence[int],
    boost: Sequence[float],
    threshold: float,
    max_train: int,
) -> None:
    if not 0 <= orders <= 20 or max_train < 1 or not 0 < threshold <= 1:
        raise ArgumentError(
            f"orders={orders}, max_train={max_train}, threshold={threshold}: give an n of 0 to 20, at least 1 token, "
            "and a probability above 0."
        )
    rising = (("memory", memory, 1), ("rare", rare, 0), ("frequent", frequent, 1))
    for name, values, low in (*rising, ("boost", [-it for it in boost], -threshold)):
        if any(a >= b for a, b in pairwise(values)) or any(it < low for it in values):
            shown = boost if name == "boost" else tuple(values)
            way = f"falling, none above {threshold}" if name == "boost" else f"rising, none below {low}"
            raise ArgumentError(f"{name}={shown}: give them {way}.")
