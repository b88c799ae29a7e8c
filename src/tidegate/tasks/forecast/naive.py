"""The period of a series, and naive forecasts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WEAKEST = 0.2  # correlation below which there is no season
LONGEST = 1000  # steps


def find_season(series: Sequence[NDArray[np.float64]]) -> tuple[int, float]:
    """Find the period by the mean autocorrelation of the series' differences.

    Differences, because a drifting level correlates at every lag. The period is the first local maximum of at least
    nine tenths of the highest, since multiples of a period correlate as well.

    Args:
        series: each (T,).

    Returns:
        Period and its correlation; period 1 if no correlation reaches 0.2 and three standard deviations of chance.
    """
    longest = min(LONGEST, max(len(it) // 3 for it in series))
    total, count, steps = np.zeros(longest + 2), np.zeros(longest + 2), 0
    for values in series:
        change = np.diff(values)
        change = change - change.mean() if len(change) else change
        if len(change) < 6 or not change.any():
            continue
        size = 1 << (2 * len(change) - 1).bit_length()
        own = np.fft.irfft(np.abs(np.fft.rfft(change, size)) ** 2)[: min(len(change) // 3, longest) + 2]
        total[: len(own)] += own / own[0]
        count[: len(own)] += 1
        steps += len(change)
    if not steps:
        return 1, 0.0
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    inside = mean[2:-1]
    peaks = 2 + np.flatnonzero((inside > mean[1:-2]) & (inside >= mean[3:]) & (inside > max(WEAKEST, 3 / steps**0.5)))
    if not len(peaks):
        return 1, 0.0
    first = int(peaks[mean[peaks] >= 0.9 * mean[peaks].max()][0])
    return first, float(mean[first])


def seasonal_naive(history: NDArray[np.float64], season: int, horizon: int) -> NDArray[np.float64]:
    """Repeat the last season, y_{t+h} = y_{t+h-m}; (horizon,).

    With season 1, or a history shorter than a season, repeat the last value.
    """
    season = season if season <= len(history) else 1
    return np.resize(history[len(history) - season :], horizon)


def naive_error(values: NDArray[np.float64], season: int) -> float:
    """Compute the scale of MASE, mean |y_t - y_{t-m}| (Hyndman & Koehler 2006); 0 for series that are too short."""
    return float(np.abs(values[season:] - values[:-season]).mean()) if len(values) > season else 0.0
