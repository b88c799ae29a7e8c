"""A thread-safe LRU cache whose values are computed once for all who ask for them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from tidegate.lens.session.computations import Computations

T = TypeVar("T")


class LRUCache(Generic[T]):
    """A cache that drops the values that were not used for the longest time.

    Args:
        size: the maximal number of values.
        computations: computes the values. Cached values are returned without it, so looking one up never waits for a
            long computation of another.
        dropped: called with each value that leaves the cache.
    """

    def __init__(
        self, size: int, computations: Computations, dropped: Callable[[T], None] = lambda value: None
    ) -> None:
        self._size, self._computations, self._dropped = size, computations, dropped
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lookup = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of a key, computed by ``compute()`` in another thread if it is not in the cache."""

        def computed() -> T:
            for value in self._cached(key):  # it was finished meanwhile
                return value
            value = compute()
            self.put(key, value)
            return value

        for value in self._cached(key):
            return value
        return self._computations.result((id(self), key), computed)

    def put(self, key: Hashable, value: T) -> None:
        """Keep the value of a key that is not in the cache."""
        with self._lookup:
            self._values[key] = value
            old = [self._values.popitem(last=False)[1] for _ in range(len(self._values) - self._size)]
        for it in old:
            self._dropped(it)

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
