"""What a row of a series of inputs and targets holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME, TARGETS = "series", "targets"
LARGEST = 1e30  # so that squares are numbers in single precision, once they are divided by the deviation


def series_values(
    name: str, x: NDArray[Any], y: NDArray[Any] | None, inputs: Sequence[str], targets: Sequence[str]
) -> dict[str, Any]:
    """Return what a row of a series holds: inputs (T, F), and targets (T, K) if they are known."""
    return {NAME: name, "inputs": x, TARGETS: y, "columns": (list(inputs), list(targets)), "rate": 0}


def previous(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace nan by the last number before it, where there is one: (T, F)."""
    at = np.where(np.isnan(x), 0, np.arange(len(x))[:, None])
    return np.take_along_axis(x, np.maximum.accumulate(at), 0)
