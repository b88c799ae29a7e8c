"""Temporal order (Hochreiter & Schmidhuber 1997, experiment 6a).

A sequence begins with E, ends with B, and has random symbols a, b, c, d between them, except at two steps, which have
X or Y: one step is at 0.1 to 0.2 of the lag, the other at 0.5 to 0.6. The question, at the end, is which they were:
X X, X Y, Y X or Y Y. Lag 100 is the paper's problem: 100 to 110 steps, X or Y at 10 to 20 and at 50 to 60. A guess is
right in one of four; the problem is solved when 99 of 100 sequences are right.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SYMBOLS = "abcdEBXY"


def generate(lag: int, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Sequences of ``lag`` to 1.1 ``lag`` steps, ``lag`` at least 10; one-hot out of eight."""
    draw, rows, tenth = np.random.default_rng(seed), np.arange(count), lag // 10
    lengths = draw.integers(lag, lag + tenth + 1, count)
    given = draw.integers(0, 4, (count, lag + tenth))
    given[:, 0] = SYMBOLS.index("E")
    given[rows, lengths - 1] = SYMBOLS.index("B")
    which = draw.integers(0, 2, (count, 2))
    first, second = draw.integers(tenth, 2 * tenth + 1, count), draw.integers(5 * tenth, 6 * tenth + 1, count)
    given[rows, first], given[rows, second] = SYMBOLS.index("X") + which.T
    targets = np.full(given.shape, -1)
    targets[rows, lengths - 1] = 2 * which[:, 0] + which[:, 1]
    frames = np.eye(len(SYMBOLS), dtype=np.float32)[given]
    return {"frames": frames, "lengths": lengths, "targets": targets}
