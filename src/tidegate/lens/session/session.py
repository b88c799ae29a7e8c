"""What can be looked at: runs, what they are given, and what was computed of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import RLock
from types import TracebackType
from typing import Any, Self

from tidegate.errors import ArgumentError
from tidegate.lens.session.lru_cache import Kept
from tidegate.train import Run

KEPT = 64  # answers: the largest, an edit's on 20,000 units, take about a megabyte


class Looked(ABC):
    """Runs and what they are given, by number.

    What is computed is kept and made by one thread at a time, so that two do not compute the same or fill the memory.
    Models are only read: several threads may do that at once, as where a text is written while another is read.

    Args:
        runs: the first is the one that is looked into.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.lock = RLock()
        self._made: Kept[Any] = Kept(KEPT, self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is kept."""
        self._made.clear()

    @property
    def run(self) -> Run:
        """The run that is looked into."""
        return self.runs[0]

    @abstractmethod
    def add(self, text: str) -> int:
        """Take what a person typed; its number.

        Raises:
            TidegateError: the run cannot read it.
        """

    def run_of(self, number: int) -> Run:
        """A run by its number.

        Raises:
            ArgumentError: there is no such run.
        """
        if not 0 <= number < len(self.runs):
            raise ArgumentError(f"there is no run {number}: there are {len(self.runs)}")
        return self.runs[number]

    def kept(self, key: Any, make: Any) -> Any:
        """What ``make()`` gives, computed for a key and kept; made again if it was not asked for in a long time."""
        return self._made.get(key, make)
