"""The baseline of regression: a linear filter of the inputs, fitted by least squares."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1 << 15  # steps
RIDGE = 1e-6  # of the mean square of an input: no more than keeps equal columns apart


def fit_filter(
    series: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]], taps: int, skip: int
) -> NDArray[np.float64]:
    """Fit y_t = sum over j < J and inputs f of a_jf x_{t-j,f} + c by least squares.

    Args:
        series: inputs (T, F) and targets (T, K) of each, normalised; nan where no target is known. Before a series
            inputs are 0.
        taps: J.
        skip: first steps of each series that do not count.

    Returns:
        (J F + 1, K), the last row being c. All zero for a target that is never known.
    """
    products: dict[int, NDArray[np.float64]] = {}
    moments: dict[int, NDArray[np.float64]] = {}
    for x, y in series:
        for start in range(skip, len(x), AT_ONCE):
            end = min(start + AT_ONCE, len(x))
            rows = _delayed(x, start, end, taps)
            for k in range(y.shape[1]):
                known = np.isfinite(y[start:end, k])
                own = rows if known.all() else rows[known]
                products[k] = products.get(k, 0.0) + own.T @ own
                moments[k] = moments.get(k, 0.0) + own.T @ y[start:end, k][known].astype(np.float64)
    found = []
    for k, product in products.items():
        ridge = RIDGE * max(1.0, product[-1, -1]) * np.eye(len(product))
        ridge[-1, -1] = 1e-12
        found.append(np.linalg.solve(product + ridge, moments[k]))
    return np.stack(found, 1)


def apply_filter(weights: NDArray[np.float64], x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the filter's values (T, K) for inputs (T, F)."""
    taps = (len(weights) - 1) // x.shape[1]
    pieces = [_delayed(x, start, min(start + AT_ONCE, len(x)), taps) @ weights for start in range(0, len(x), AT_ONCE)]
    return np.concatenate(pieces) if pieces else np.zeros((0, weights.shape[1]))


def _delayed(x: NDArray[np.float32], start: int, end: int, taps: int) -> NDArray[np.float64]:
    """Return x_t, x_{t-1} .. x_{t-J+1} and 1 for each step from start to end: (steps, J F + 1)."""
    before = min(start, taps - 1)
    own = np.concatenate([np.zeros((taps - 1 - before, x.shape[1])), x[start - before : end].astype(np.float64)])
    windows = np.lib.stride_tricks.sliding_window_view(own, taps, 0)[:, :, ::-1]  # (steps, F, J)
    rows = windows.reshape(end - start, -1)
    return np.concatenate([rows, np.ones((len(rows), 1))], 1)
