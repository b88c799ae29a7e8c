"""Passages of a generated text that are copied from the training text."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import ArgumentError

Ids = NDArray[np.integer]
CHUNK = 1 << 20
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2**64
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
FILTER_BITS = 20


def longest_copy(text: ArrayLike, corpus: Ids, *, chunk: int = CHUNK) -> tuple[int, int, int]:
    """Find the longest passage of a text that is in a corpus verbatim.

    If a passage of some length is a copy, so is a shorter one: the length is found by bisection. For each length
    the corpus is read once, and the hashes of all its passages (polynomials modulo 2**64: Karp & Rabin 1987) are
    looked up among those of the text. Every hit is compared token by token, so the answer is exact.

    Args:
        text: token ids of the generated text, shape (M,).
        corpus: token ids of the training text, shape (N,); it may be memory-mapped.
        chunk: number of tokens of the corpus processed at a time, which bounds the memory.

    Returns:
        The length, where the passage begins in the text, and where in the corpus (the first one in the corpus, then in
        the text, of several); (0, 0, 0) if they have no token in common.

    Raises:
        ArgumentError: ``chunk`` is not positive, or an array is not one-dimensional.
    """
    ids = np.asarray(text).astype(np.int64)
    if chunk < 1 or ids.ndim != 1 or corpus.ndim != 1:
        raise ArgumentError(
            f"Text and corpus must be of shape (N,), but are {ids.shape} and {corpus.shape}; chunk, which is {chunk}, "
            "must be at least 1."
        )
    best = (0, 0, 0)
    low, high = 0, min(len(ids), len(corpus))
    while low < high:
        length = (low + high + 1) // 2
        found = _copy_of_length(ids, corpus, length, chunk)
        if found is None:
            high = length - 1
        else:
            low, best = length, (length, *found)
    return best


def copied_stretches(text: ArrayLike, corpus: Ids, length: int, *, chunk: int = CHUNK) -> NDArray[np.bool_]:
    """Mark the tokens of a text that belong to a passage of at least ``length`` tokens that is in a corpus verbatim.

    Args:
        text: token ids of the generated text, shape (M,).
        corpus: token ids of the training text, shape (N,); it may be memory-mapped.
        length: the shortest length that counts.
        chunk: as in `longest_copy`.

    Returns:
        Shape (M,).

    Raises:
        ArgumentError: ``length`` is less than 1.
    """
    if length < 1:
        raise ArgumentError(f"length is {length}, but must be at least 1.")
    ids = np.asarray(text).astype(np.int64)
    begins = np.zeros(len(ids), bool)
    if length <= min(len(ids), len(corpus)):
        for at, _ in _copies_of_length(ids, corpus, length, chunk, begins):
            begins[at] = True
    covered = np.convolve(begins, np.ones(length, np.int64))[: len(ids)]
    return covered > 0


def _copy_of_length(ids: NDArray[np.int64], corpus: Ids, length: int, chunk: int) -> tuple[int, int] | None:
    return next(_copies_of_length(ids, corpus, length, chunk, np.zeros(len(ids), bool)), None)


def _copies_of_length(
    ids: NDArray[np.int64], corpus: Ids, length: int, chunk: int, known: NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Yield where passages of a length begin in the text and in the corpus, except those known to be copies."""
    hashes = _hashes(ids, length)
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    # Most passages of the corpus differ from the text's in a few bits; only the rest need a search.
    shift = np.uint64(64 - FILTER_BITS)
    possible = np.zeros(1 << FILTER_BITS, bool)
    possible[hashes >> shift] = True
    for start in range(0, len(corpus) - length + 1, chunk):
        part = np.asarray(corpus[start : start + chunk + length - 1]).astype(np.int64)
        candidates = _hashes(part, length)
        places = np.flatnonzero(possible[candidates >> shift])
        first = np.searchsorted(hashes, candidates[places], "left")
        last = np.searchsorted(hashes, candidates[places], "right")
        hit = last > first
        for place, a, b in zip(places[hit].tolist(), first[hit].tolist(), last[hit].tolist(), strict=True):
            for at in order[a:b].tolist():
                if not known[at] and np.array_equal(ids[at : at + length], part[place : place + length]):
                    yield at, start + place


def _hashes(ids: NDArray[np.int64], length: int) -> NDArray[np.uint64]:
    """Hash every passage of a length: the sum over k of value(ids[i + k]) * BASE**k, modulo 2**64."""
    powers = _powers(BASE, len(ids))
    sums = np.zeros(len(ids) + 1, np.uint64)
    np.cumsum(_scattered(ids) * powers, out=sums[1:])
    count = len(ids) - length + 1
    return (sums[length:] - sums[:count]) * _powers(INVERSE, count)


def _powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)


def _scattered(ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Map each id to a 64-bit value, so that near ids differ in all bits (the mixing step of splitmix64)."""
    values = ids.astype(np.uint64) + np.uint64(1)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
