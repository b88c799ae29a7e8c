"""What was computed and is kept: the newest of it, made by one thread at a time, given to all others at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by their key, at most so many; what was not asked for the longest goes first.

    Args:
        most: how many are kept.
        making: held while something is made. What is kept already is given without it, so nobody who asks for that
            waits for somebody else's long computation.
        dropped: told of what is no longer kept.
    """

    def __init__(
        self, most: int, making: AbstractContextManager[Any], dropped: Callable[[T], None] = lambda made: None
    ) -> None:
        self._most, self._making, self._dropped = most, making, dropped
        self._made: OrderedDict[Hashable, T] = OrderedDict()
        self._looking_up = Lock()

    def __len__(self) -> int:
        return len(self._made)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What has a key; ``make()`` makes it if nothing has."""
        for found in self._found(key):
            return found
        with self._making:
            for found in self._found(key):  # another thread made it meanwhile
                return found
            made = make()
            with self._looking_up:
                self._made[key] = made
                old = [self._made.popitem(last=False)[1] for _ in range(len(self._made) - self._most)]
            for it in old:
                self._dropped(it)
            return made

    def clear(self) -> None:
        """Let go of everything."""
        with self._looking_up:
            old = list(self._made.values())
            self._made.clear()
        for it in old:
            self._dropped(it)

    def _found(self, key: Hashable) -> list[T]:
        with self._looking_up:
            if key not in self._made:
                return []
            self._made.move_to_end(key)
            return [self._made[key]]
