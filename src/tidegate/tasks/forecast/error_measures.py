"""Errors of forecasts against true values, (N, H) of N forecasts of H steps. True values that are nan are left out."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Values = NDArray[np.float64]


def mae(predicted: Values, truth: Values) -> float:
    """Mean |y - y^|."""
    return _mean(np.abs(predicted - truth))


def mase(predicted: Values, truth: Values, naive_error: Values) -> float:
    """Mean over forecasts of mean |y - y^| / naive error (Hyndman & Koehler 2006).

    Args:
        predicted: (N, H).
        truth: (N, H).
        naive_error: (N,), mean |y_t - y_{t-m}| of each series where it was trained; 0, which is left out, if unknown.
    """
    known = naive_error > 0
    return _mean(per_forecast(np.abs(predicted - truth)[known]) / naive_error[known])


def smape(predicted: Values, truth: Values) -> float:
    """Mean 2 |y - y^| / (|y| + |y^|), from 0 to 2 (Makridakis et al. 2020); 0 where both are 0."""
    size = np.abs(truth) / 2 + np.abs(predicted) / 2
    return _mean(np.abs(predicted - truth) / np.where(size == 0, 1, size))


def nrmse_of_last_step(predicted: Values, truth: Values, deviation: Values) -> float:
    """Root mean ((y_H - y^_H) / deviation)^2, the deviation (N,) being that of each series where it was trained."""
    return float(np.sqrt(_mean(((predicted - truth)[:, -1] / deviation) ** 2)))


def weighted_quantile_loss(quantiles: Values, levels: Sequence[float], truth: Values) -> float:
    """Mean over levels p of 2 sum max(p (y - q_p), (p - 1) (y - q_p)) / sum |y|, as in GluonTS; nan if all y are 0.

    Args:
        quantiles: (N, H, L).
        levels: L of them.
        truth: (N, H).
    """
    largest = np.nanmax(np.abs(truth), initial=0.0)  # the unit, for sums of large values overflow
    if largest == 0:
        return float("nan")
    error = (truth[..., None] - quantiles) / largest
    loss = np.maximum(np.multiply(levels, error), (np.array(levels) - 1) * error)
    return float(2 * np.nansum(loss) / len(levels) / np.nansum(np.abs(truth / largest)))


def coverage(low: Values, high: Values, truth: Values) -> float:
    """Fraction of y from low to high."""
    return _mean(np.where(np.isnan(truth), np.nan, (low <= truth) & (truth <= high)))


def crps_of_samples(samples: Tensor, truth: Tensor) -> Tensor:
    """Continuous ranked probability score of the empirical distribution of samples (Gneiting & Raftery 2007, eq. 20).

    mean_i |x_i - y| - 1/2 mean_ij |x_i - x_j|, where the mean over pairs is over all P^2, those of a sample with itself
    included: it is the integral of (F(x) - 1{x >= y})^2, and |x - y| for one sample.

    Args:
        samples: (..., P).
        truth: (...).
    """
    count = samples.shape[-1]
    rank = 2 * torch.arange(1, count + 1, dtype=samples.dtype, device=samples.device) - count - 1
    pairs = (samples.sort(-1).values * (rank / count**2)).sum(-1)  # half the mean of |x_i - x_j|
    return (samples - truth[..., None]).abs().mean(-1) - pairs


def per_forecast(errors: Values) -> Values:
    """Mean of each forecast's steps, (N, H) to (N,); nan where none is known."""
    seen = ~np.isnan(errors)
    count = seen.sum(1)
    return np.where(count, np.where(seen, errors, 0).sum(1) / np.maximum(count, 1), np.nan)


def _mean(values: Values) -> float:
    """Mean of what is not nan; nan if nothing is."""
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else float("nan")
