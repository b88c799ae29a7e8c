"""Truncated backpropagation through time, window by window (Williams & Peng 1990).

A step is taken every k1 positions, its gradient going back over k2. The state is carried from window to window and
detached, so the values are those of one unbroken run and only the gradient is cut.

* k2 = k1: windows follow one another end to end.
* k2 > k1: a window begins k2 - k1 positions before the last one ended. The detached state where the next window begins
  is saved; only new positions count in the loss.
* k2 < k1: the gradient is cut every k2 positions inside the window.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

State = TypeVar("State")


class Stretch(NamedTuple):
    """Positions of a window that are read at once.

    Attributes:
        begin: the first.
        end: the one after the last.
        counts: whether they are new, so that they count in the loss.
    """

    begin: int
    end: int
    counts: bool


def window_start(index: int, k1: int, k2: int) -> int:
    """Return where a window begins: it ends at (index + 1) k1, and is max(k1, k2) long if there are as many."""
    return max(0, (index + 1) * k1 - max(k1, k2))


def read_window(
    read: Callable[[Stretch, State], State],
    state: State,
    detached: Callable[[State], State],
    *,
    length: int,
    new: int,
    advance: int,
    k2: int,
) -> State:
    """Read a window stretch by stretch, the gradient being cut where it must not go further back.

    Args:
        read: reads a stretch from a state and returns the state after it.
        state: before the window's first position, detached.
        detached: detaches a state.
        length: positions of the window.
        new: how many of them count, the last ones.
        advance: positions before the next window begins.
        k2: how far the gradient goes back.

    Returns:
        The state before the next window's first position, detached.
    """
    old = length - new
    carried = state
    cuts = {0, old, advance, length, *range(old + k2, length, k2)}
    for begin, end in itertools.pairwise(sorted(cuts)):
        state = read(Stretch(begin, end, begin >= old), state)
        if end - old >= k2 and (end - old) % k2 == 0:
            state = detached(state)
        if end == advance:
            carried = detached(state)
    return carried
