"""Words, characters or labels and their numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import UnknownUnitError

UNKNOWN = "<unk>"


class Vocabulary:
    """Entries and their numbers, 0 to V - 1.

    Args:
        entries: all of them, each once.

    Attributes:
        entries: as given.
        unknown: the number of ``<unk>``; None where nothing may be unknown, as among labels.
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
        """An entry's number.

        Raises:
            UnknownUnitError: it is not there, and nothing stands for what is not.
        """
        found = self._numbers.get(entry, self.unknown)
        if found is None:
            some = ", ".join(repr(known) for known in self.entries[:20]) + (", ..." if len(self) > 20 else "")
            raise UnknownUnitError(f"{entry!r:.80} does not occur in the training part, which has: {some}")
        return found

    def encode(self, entries: Iterable[str]) -> NDArray[np.int64]:
        """The numbers of entries, (L,); as `number`."""
        return np.fromiter(map(self.number, entries), np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The entries of numbers."""
        return [self.entries[n] for n in numbers]

    @staticmethod
    def of(counts: Mapping[str, int], *, first: Sequence[str] = (UNKNOWN,), min_count: int = 1) -> "Vocabulary":
        """The entries that occur often enough, the most frequent first.

        Args:
            counts: how often each occurs.
            first: special entries before all others.
            min_count: rarer ones are left out.
        """
        ordered = sorted(counts, key=lambda entry: (-counts[entry], entry))
        return Vocabulary([*first, *(e for e in ordered if counts[e] >= min_count and e not in first)])

    @staticmethod
    def of_labels(labels: Iterable[str]) -> "Vocabulary":
        """Labels in order; nothing is unknown."""
        return Vocabulary(sorted(Counter(labels)))
