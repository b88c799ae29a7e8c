"""The adding problem (Hochreiter & Schmidhuber 1997, experiment 4; in the form of Le, Jaitly & Hinton 2015).

Each step has a number from 0 to 1 and a mark, which is 1 at two steps, one in each half of the sequence, and 0 at the
others. The question, at the last step, is the sum of the two marked numbers. Always answering 1 gives a mean squared
error of 1/6; the problem is solved below 0.01.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def generate(lag: int, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Sequences of ``lag`` steps, at least 4."""
    draw = np.random.default_rng(seed)
    rows, half = np.arange(count), lag // 2
    first, second = draw.integers(0, half, count), draw.integers(half, lag, count)
    frames = np.zeros((count, lag, 2), np.float32)
    frames[:, :, 0] = draw.random((count, lag))
    frames[rows, first, 1] = frames[rows, second, 1] = 1
    targets = np.full((count, lag), np.nan, np.float32)
    targets[:, -1] = frames[rows, first, 0] + frames[rows, second, 0]
    return {"frames": frames, "lengths": np.full(count, lag), "targets": targets}
