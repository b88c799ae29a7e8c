"""Weights in the order in which kernels read them, kept from call to call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

W = TypeVar("W")


class Packed(Generic[W]):
    """What backends have made of weights that do not change.

    Attributes:
        weights: the weights.
        token: stands for these weights in keys, which do not keep them alive.
    """

    def __init__(self, weights: W):
        self.weights, self.token = weights, object()
        self._made: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[W], Any]) -> Any:
        """Return what was made under a key; it is made once."""
        made = self._made.get(key)
        if made is None:
            with self._lock:
                made = self._made.get(key)
                if made is None:
                    made = self._made[key] = make(self.weights)
        return made
