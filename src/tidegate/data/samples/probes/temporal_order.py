"""Temporal order (Hochreiter & Schmidhuber 1997, experiment 6a).

Symbols drawn from a, b, c, d, between E at the beginning and B at the end; at two steps, one from a tenth to two tenths
of the lag and one from five to six tenths, is X or Y instead. The target at the end is which they were: X X, X Y, Y X
or Y Y. With lag 100 it is the paper's problem: 100 to 110 steps, the two at 10 to 20 and 50 to 60. Chance is right in
one of four; solved is 99 of 100.
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
