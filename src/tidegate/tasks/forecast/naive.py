"""The period of a series, and the forecasts that need no model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WEAKEST = 0.2  # correlation below which there is no season
LONGEST = 1000  # steps


def find_season(series: Sequence[NDArray[np.float64]]) -> tuple[int, float]:
    """The period by the mean autocorrelation of the series' differences.

    Differences, because a wandering level correlates at every lag. Of the local maxima nearly as high as the highest
    (nine tenths) the first counts, since twice a period correlates as well as the period.

    Args:
        series: each (T,).

    Returns:
        Period and its correlation; period 1 where no correlation reaches 0.2 and three deviations of chance.
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
    """What was one season earlier, y_{t+h} = y_{t+h-m}, the last season over and over; (horizon,).

    With season 1, or a history shorter than a season, the last value.
    """
    season = season if season <= len(history) else 1
    return np.resize(history[len(history) - season :], horizon)


def naive_error(values: NDArray[np.float64], season: int) -> float:
    """Mean |y_t - y_{t-m}|, by which MASE is scaled (Hyndman & Koehler 2006); 0 where no step has one before it."""
    return float(np.abs(values[season:] - values[:-season]).mean()) if len(values) > season else 0.0
