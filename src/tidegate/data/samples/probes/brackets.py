"""Brackets: which of three kinds closes.

A sequence opens one bracket and closes it ``lag`` steps later. Between them other brackets open and close, nested up to
three deep, or nothing happens. The input names the kind of a bracket that opens, but not of one that closes: that is
the question, at each closing. The last answer needs a memory of ``lag`` steps. A guess is right in one of three; the
problem is solved when every answer is right in 99 of 100 sequences.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS, DEEPEST = 3, 4
CLOSE, NOTHING = KINDS, KINDS + 1


def generate(lag: int, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Sequences of ``lag`` + 1 steps, ``lag`` at least 3; one-hot out of five: three that open, close, nothing."""
    draw = np.random.default_rng(seed)
    kinds, turns = draw.integers(0, KINDS, (count, lag)), draw.random((count, lag))
    given, targets = np.full((count, lag + 1), NOTHING), np.full((count, lag + 1), -1)
    for n in range(count):
        given[n, 0] = kinds[n, 0]
        stack = [int(kinds[n, 0])]
        for t in range(1, lag):
            left = lag - t  # steps before the last one, this one included
            deep = len(stack) - 1
            if deep and (deep == left or turns[n, t] < 0.35):
                given[n, t], targets[n, t] = CLOSE, stack.pop()
            elif len(stack) < DEEPEST and deep + 1 < left and turns[n, t] > 0.65:
                given[n, t] = kinds[n, t]
                stack.append(int(kinds[n, t]))
        given[n, lag], targets[n, lag] = CLOSE, stack.pop()
    frames = np.eye(KINDS + 2, dtype=np.float32)[given]
    return {"frames": frames, "lengths": np.full(count, lag + 1), "targets": targets}
