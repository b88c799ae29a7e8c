"""Vocabularies of words, characters or labels."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import UnknownTokenError
from tidegate.io.wording import quoted

UNKNOWN = "<unk>"


class Vocabulary:
    """Entries and their ids, 0 to V - 1.

    A first entry ``<unk>`` stands for all that are unknown, and only there has it this meaning: a word or label
    ``<unk>`` of the data is an entry like any other, after it.

    Args:
        entries: the entries, all different apart from that first one.

    Attributes:
        entries: the entries.
        unknown: the id of unknown entries, 0; None if they are an error, as for labels.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self.entries = list(entries)
        self._numbers = {entry: n for n, entry in enumerate(self.entries)}
        self.unknown = 0 if self.entries[:1] == [UNKNOWN] else None

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, entry: str) -> bool:
        return entry in self._numbers

    def __getitem__(self, number: int) -> str:
        return self.entries[number]

    def number(self, entry: str) -> int:
        """Return the id of an entry.

        Raises:
            UnknownTokenError: it is not in the vocabulary, in which no entry stands for unknown ones.
        """
        found = self._numbers.get(entry, self.unknown)
        if found is None:
            some = ", ".join(repr(known) for known in self.entries[:20]) + (", ..." if len(self) > 20 else "")
            raise UnknownTokenError(f"{quoted(entry)} does not occur in the training part, which has: {some}.")
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
            first: special entries before all others; the unknown one, if there is one, is the first.
            min_count: rarer entries are left out.
        """
        ordered = sorted(counts, key=lambda entry: (-counts[entry], entry))
        return Vocabulary(
            [*first, *(e for e in ordered if counts[e] >= min_count and (e == UNKNOWN or e not in first))]
        )

    @staticmethod
    def of_labels(labels: Iterable[str]) -> "Vocabulary":
        """Make a vocabulary of labels, in alphabetical order; a label ``<unk>`` is the last, as any but the first."""
        return Vocabulary(sorted(Counter(labels), key=lambda label: (label == UNKNOWN, label)))
