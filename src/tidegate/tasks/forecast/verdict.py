"""Whether forecasts are better than naive ones, in words."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tidegate.io.optional import importing
from tidegate.tasks.forecast.error_measures import Values, mae, per_forecast

CHANCE = 0.025  # one-sided significance level


def verdict(
    names: Sequence[str], at: NDArray[np.int64], predicted: Values, naive: Values, truth: Values, baseline: str
) -> str:
    """Describe whether forecasts are better than a baseline, and whether that is significant.

    Differences of absolute error are averaged over stretches of one horizon, since the errors of overlapping forecasts
    are correlated, and compared with zero by a t-test (as in Diebold & Mariano 1995). If forecasts overlap, only every
    second stretch counts.

    Args:
        names: (N,), the series.
        at: (N,), the step of the series where each forecast begins.
        predicted: (N, H).
        naive: (N, H), of the baseline.
        truth: (N, H).
        baseline: what it is called.

    Raises:
        MissingDependencyError: SciPy is not installed.
    """
    with importing("scipy", "Comparing forecasts needs"):
        from scipy.stats import ttest_1samp

    own, other = mae(predicted, truth), mae(naive, truth)
    if np.isnan(own):
        return f"Not compared with {baseline}: no true value is known."
    figures = f"MAE {own:.4g} against {other:.4g}"
    if own >= other:
        return f"Not better than {baseline}: {figures}. Use that baseline instead."
    difference = per_forecast(np.abs(predicted - truth) - np.abs(naive - truth))
    horizon, blocks = truth.shape[1], dict[tuple[str, int], list[float]]()
    overlap = _overlap(names, at, horizon)
    for series, start, value in zip(names, at.tolist(), difference.tolist(), strict=True):
        if not np.isnan(value) and not (overlap and start // horizon % 2):
            blocks.setdefault((series, start // horizon), []).append(value)
    means = np.array([np.mean(values) for values in blocks.values()])
    stretches = f"{len(means)} stretches of {horizon} steps"
    if len(means) < 2:
        return f"Not shown to be better than {baseline}: {figures}, but one stretch may be chance: measure on more."
    if np.ptp(means) > 0:  # in units of the largest: the square of a small one may be 0
        p = float(ttest_1samp(means / np.abs(means).max(), 0, alternative="less").pvalue)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        p = 0.0
    if p >= CHANCE:
        return f"Not shown to be better than {baseline}: {figures}, which over {stretches} may be chance (p = {p:.2g})."
    return f"Better than {baseline}: {figures}, {100 * (1 - own / other):.0f}% less, over {stretches} (p = {p:.2g})."


def _overlap(names: Sequence[str], at: NDArray[np.int64], horizon: int) -> bool:
    """Whether forecasts of the same series overlap."""
    begins: dict[str, list[int]] = {}
    for series, start in zip(names, at.tolist(), strict=True):
        begins.setdefault(series, []).append(start)
    return any(b - a < horizon for it in begins.values() for a, b in pairwise(sorted(it)))
