"""N-gram probabilities by modified Kneser-Ney smoothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError

Ids = NDArray[np.integer]
Ranks = NDArray[np.int64]
SMALLEST_DISCOUNT = 0.05


@dataclass
class _Level:
    """The n-grams of one order in the training text, and where they occur in the other text.

    A context (the n-gram without its last token) and an n-gram are identified by their rank among those of the
    training text; -1 if it does not occur there.
    """

    contexts: int  # number of contexts
    context: Ranks  # of each n-gram, the rank of its context
    counts: Ranks  # count of each n-gram
    train_rank: Ranks  # the n-gram at each place of the training text
    text_context: Ranks  # the context at each place of the other text
    text_rank: Ranks  # the n-gram there


def ngram_probabilities(train: Ids, text: Ids, vocabulary_size: int, max_order: int) -> Iterator[NDArray[np.float64]]:
    """Yield the probability of each token of a text given those before it, for one order after the other.

    Interpolated modified Kneser-Ney smoothing (Kneser & Ney 1995; Chen & Goodman 1999, section 3). With c(h w) the
    count of token w after context h in the training text, and h' the context without its first token, ::

        p(w | h) = (c(h w) - D(c(h w)) + p'(w | h') sum_v D(c(h v))) / sum_v c(h v)

    The lower orders p' are built alike down to 1 / V, but from the number of different tokens that occur before an
    n-gram instead of its count. The discounts of n-grams counted once, twice, and three times or more are
    estimated from the numbers of such n-grams; where there is none counted once or twice they are 1/2. Every order
    is a proper distribution over the vocabulary without zero probabilities.

    Contexts are ranked level by level, so that the code of an n-gram fits in 64 bits for every V.

    Args:
        train: token ids to count, shape (N,).
        text: token ids to predict, shape (M,).
        vocabulary_size: V.
        max_order: the largest n.

    Yields:
        p, shape (M,), for n = 0, 1, ..., ``max_order``. For a token with fewer than n - 1 tokens before it, or in a
        context that the training text does not have, p is p' of the order below.

    Raises:
        ArgumentError: a token is not in the vocabulary.
    """
    for ids in (train, text):
        if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= vocabulary_size):
            raise ArgumentError(
                f"Token ids must be from 0 to {vocabulary_size - 1}, but some are from {ids.min()} to {ids.max()}."
            )
    lower = np.full(len(text), 1 / vocabulary_size)
    yield lower
    below: _Level | None = None
    for order in range(1, max_order + 1):
        level = _next_level(below, train[order - 1 :], text[order - 1 :], vocabulary_size)
        if below is not None:
            lower = _interpolated(below, _different_before(below, level), lower)
        yield _interpolated(level, level.counts, lower)
        below = level


def _next_level(below: _Level | None, train: Ids, text: Ids, vocabulary_size: int) -> _Level:
    """Find the n-grams that end at the given tokens; their contexts are the n-grams of the order below."""
    if below is None:  # the only context of unigrams is the empty one
        contexts, context, text_context = 1, np.zeros(len(train), np.int64), np.zeros(len(text), np.int64)
    else:
        contexts, context, text_context = len(below.counts), below.train_rank[:-1], below.text_rank[:-1]
    codes, train_rank, counts = np.unique(context * vocabulary_size + train, return_inverse=True, return_counts=True)
    text_rank = np.full(len(text), -1, np.int64)
    if len(codes):
        wanted = text_context * vocabulary_size + text  # negative, so not found, where the context is unseen
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        text_rank = np.where(codes[place] == wanted, place, -1)
    return _Level(contexts, codes // vocabulary_size, counts, train_rank, text_context, text_rank)


def _different_before(level: _Level, above: _Level) -> Ranks:
    """Count the different tokens before each n-gram: the n-grams of the order above that end in it."""
    ending = np.zeros(len(above.counts), np.int64)
    ending[above.train_rank] = level.train_rank[1:]
    return np.bincount(ending, minlength=len(level.counts))


def _interpolated(level: _Level, counts: Ranks, lower: NDArray[np.float64]) -> NDArray[np.float64]:
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    total = np.bincount(level.context, counts, level.contexts)
    saved = np.bincount(level.context, discounts, level.contexts)
    seen = np.flatnonzero(level.text_context >= 0)
    seen = seen[total[level.text_context[seen]] > 0]
    context, rank = level.text_context[seen], level.text_rank[seen]
    kept = np.where(rank >= 0, (counts - discounts)[rank], 0)
    p = lower.copy()
    at = seen + len(lower) - len(level.text_context)
    p[at] = (kept + saved[context] * lower[at]) / total[context]
    return p


def _discounts(counts: Ranks) -> NDArray[np.float64]:
    """Estimate the discounts of n-grams counted 0, 1, 2, and 3 times or more."""
    once, twice, thrice, four = (int(np.count_nonzero(counts == c)) for c in (1, 2, 3, 4))
    if not once or not twice:
        return np.array([0, 0.5, 0.5, 0.5])
    y = once / (once + 2 * twice)
    third = 3 - 4 * y * four / thrice if thrice else 0.0
    found = np.array([1 - 2 * y * twice / once, 2 - 3 * y * thrice / twice, third])
    return np.concatenate([[0.0], np.clip(found, SMALLEST_DISCOUNT, [1, 2, 3])])
