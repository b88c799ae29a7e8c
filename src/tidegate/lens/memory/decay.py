"""Decay of a curve over distance: its half-life, and an exponential fit."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Decay:
    """Decay of a positive curve g(d), d = 0, 1, 2, ....

    Distance 0 is left out: g(0) is the gradient before any step back in time.

    Attributes:
        half_life: steps from distance 1 to the first distance where g is at most g(1) / 2, interpolated in log g; inf
            if there is none.
        rate: exp(slope) of the straight line fitted to log g(d) from distance 1 on, by least squares: the factor per
            step. Above 1 the curve grows.
        r2: share of the variance of log g that the line explains, 0 to 1: near 1 the curve is exponential.
        fitted: distance up to which the line is fitted; shorter than the curve if g falls below the smallest normal
            32-bit number (1.2e-38).
    """

    half_life: float
    rate: float
    r2: float
    fitted: int

    @property
    def grows(self) -> bool:
        """Whether the fitted line rises: gradients explode rather than vanish."""
        return self.rate > 1

    @property
    def fitted_half_life(self) -> float:
        """Half-life of the fitted line, log 2 / -slope; inf if it does not fall."""
        return math.log(2) / -math.log(self.rate) if self.rate < 1 else math.inf


def decay_of(curve: NDArray[np.float64]) -> Decay:
    """Return half-life and exponential fit of a curve by distance.

    Args:
        curve: g(0), g(1), ...: at least three values, not negative, g(1) and g(2) above 1.2e-38.

    Raises:
        ArgumentError: the curve is shorter, or has other values.
    """
    values = np.asarray(curve, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any():
        raise ArgumentError(
            f"curve should be finite numbers from 0 up, one for each distance; given shape {values.shape}."
        )
    gone = np.flatnonzero(values[1:] < np.finfo(np.float32).tiny)
    fitted = int(gone[0]) if len(gone) else len(values) - 1
    if fitted < 2:
        raise ArgumentError(f"A fit needs values above 1.2e-38 at distances 1 and 2; given {values[:3]}.")
    distances, logs = np.arange(1, fitted + 1), np.log(values[1 : fitted + 1])
    slope, start = np.polyfit(distances, logs, 1)
    left, spread = logs - (start + slope * distances), logs - logs.mean()
    r2 = 1 - (left @ left) / (spread @ spread) if spread @ spread > 1e-20 * len(logs) else 1.0
    return Decay(_half_life(values), float(np.exp(slope)), float(r2), fitted)


def _half_life(values: NDArray[np.float64]) -> float:
    half = values[1] / 2
    below = np.flatnonzero(values[1:] <= half)
    if not len(below):
        return math.inf
    n = int(below[0])  # values[n] is above half, values[n + 1] is not
    if values[n + 1] == 0:
        return float(n)
    return float(n - 1 + np.log(values[n] / half) / np.log(values[n] / values[n + 1]))
