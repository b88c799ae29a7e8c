"""The copy problem (Arjovsky, Shah & Bengio 2016).

The input is ten symbols of eight kinds, ``lag`` - 1 blanks, a sign to begin, and ten blanks. The output is to be
``lag`` + 10 blanks and then the ten symbols. Without memory the loss is 10 log 8 / (lag + 20) nats. The problem is
solved when every answer is right in 99 of 100 sequences.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SYMBOLS, LONG = 8, 10
BLANK, BEGIN = SYMBOLS, SYMBOLS + 1


def generate(lag: int, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Sequences of ``lag`` + 20 steps, one-hot out of ten: eight symbols, blank, begin."""
    draw, steps = np.random.default_rng(seed), lag + 2 * LONG
    symbols = draw.integers(0, SYMBOLS, (count, LONG))
    given = np.full((count, steps), BLANK)
    given[:, :LONG] = symbols
    given[:, LONG + lag - 1] = BEGIN
    targets = np.full((count, steps), BLANK)
    targets[:, -LONG:] = symbols
    frames = np.eye(SYMBOLS + 2, dtype=np.float32)[given]
    return {"frames": frames, "lengths": np.full(count, steps), "targets": targets}
