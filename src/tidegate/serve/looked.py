"""What can be looked at: runs, what they are given, and what was computed of that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from threading import RLock
from types import TracebackType
from typing import Any, Self

from tidegate.train import Run


class Looked(ABC):
    """Runs and what they are given, by number.

    What is computed is kept, and made by one thread at a time: models are not to be shared.

    Args:
        runs: the first is the one that is looked into.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self.lock = RLock()
        self.made: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is kept."""
        self.made.clear()

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

    def kept(self, key: Any, make: Any) -> Any:
        """What ``make()`` gives, computed once for a key and kept."""
        with self.lock:
            if key not in self.made:
                self.made[key] = make()
            return self.made[key]
