"""Vocabularies of words, characters or labels."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import UnknownTokenError

UNKNOWN = "<unk>"


class Vocabulary:
    """Entries and their ids, 0 to V - 1.

    Args:
        entries: the entries, all different.

    Attributes:
        entries: the entries.
        unknown: the id of ``<unk>``; None if unknown entries are an error, as for labels.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self.entries = list(entries)
        self._numbers = {entry: n for n, entry in enumerate(self.entries)}
        self.unknown = self._numbers.get(UNKNOWN)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, entry: str) -> bool:
        return entry in self._numbers

    def __getitem__(self, number: int) -> str:
        return self.entries[number]

    def number(self, entry: str) -> int:
        """Return the id of an entry.

        Raises:
            UnknownTokenError: it is not in the vocabulary, which has no ``<unk>``.
        """
        found = self._numbers.get(entry, self.unknown)
        if found is None:
            some = ", ".join(repr(known) for known in self.entries[:20]) + (", ..." if len(self) > 20 else "")
            raise UnknownTokenError(f"{entry!r:.80} does not occur in the training part, which has: {some}.")
        return found

    def encode(self, entries: Iterable[str]) -> NDArray[np.int64]:
        """Return the ids of entries, (L,); see `number`."""
        return np.fromiter(map(self.number, entries), np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the entries of ids."""
        return [self.entries[n] for n in numbers]

    @staticmethod
    def of(counts: Mapping[str, int], *, first: Sequence[str] = (UNKNOWN,), min_count: int = 1) -> "Vocabulary":
        """Make a vocabulary of frequent entries, the most frequent first.

        Args:
            counts: count of each entry.
            first: special entries before all others.
            min_count: rarer entries are left out.
        """
        ordered = sorted(counts, key=lambda entry: (-counts[entry], entry))
        return Vocabulary([*first, *(e for e in ordered if counts[e] >= min_count and e not in first)])

    @staticmethod
    def of_labels(labels: Iterable[str]) -> "Vocabulary":
        """Make a vocabulary of labels, in alphabetical order and without ``<unk>``."""
        return Vocabulary(sorted(Counter(labels)))
