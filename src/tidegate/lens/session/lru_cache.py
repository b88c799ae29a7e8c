"""A thread-safe LRU cache whose values are computed one at a time."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class LRUCache(Generic[T]):
    """A cache that drops the values that were not used for the longest time.

    Args:
        size: the maximal number of values.
        computing: held while a value is computed. Cached values are returned without it, so looking one up never waits
            for a long computation of another.
        dropped: called with each value that leaves the cache.
    """

    def __init__(
        self, size: int, computing: AbstractContextManager[Any], dropped: Callable[[T], None] = lambda value: None
    ) -> None:
        self._size, self._computing, self._dropped = size, computing, dropped
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lookup = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of a key, computed by ``compute()`` if it is not in the cache."""
        for value in self._cached(key):
            return value
        with self._computing:
            for value in self._cached(key):  # another thread computed it meanwhile
                return value
            value = compute()
            with self._lookup:
                self._values[key] = value
                old = [self._values.popitem(last=False)[1] for _ in range(len(self._values) - self._size)]
            for it in old:
                self._dropped(it)
            return value

    def clear(self) -> None:
        """Drop all values."""
        with self._lookup:
            old = list(self._values.values())
            self._values.clear()
        for it in old:
            self._dropped(it)

    def _cached(self, key: Hashable) -> list[T]:
        """Return the value in a list, empty if there is none: values may be None."""
        with self._lookup:
            if key not in self._values:
                return []
            self._values.move_to_end(key)
            return [self._values[key]]
