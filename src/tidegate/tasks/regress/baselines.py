"""What a model of regression has to be better than."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Preprocessing
from tidegate.errors import RunFolderError
from tidegate.tasks.regress.linear_filter import apply_filter

MEAN, LAST, FILTER = "mean", "last value", "linear filter"
Numbers = NDArray[np.float64]


def baselines_of(
    inputs: Sequence[NDArray[np.float32]], truth: Sequence[Numbers], preprocessing: Preprocessing
) -> dict[str, list[Numbers]]:
    """Predict without a network: the training part's mean, the last known target, and a linear filter of the inputs.

    The last value is given what the model is not: the true targets before each step.

    Args:
        inputs: normalised (T, F), of each series.
        truth: (T, K) of each series, nan where it is not known.
        preprocessing: means, deviations and the filter.

    Raises:
        RunFolderError: the preprocessing was altered.
    """
    mean, deviation = (np.array(preprocessing.numbers(f"target_{it}")) for it in ("mean", "deviation"))
    flat, features = np.array(preprocessing.numbers("filter")), len(preprocessing.numbers("input_mean"))
    if not len(mean) or len(flat) % len(mean) or (len(flat) // len(mean) - 1) % features or len(flat) <= len(mean):
        raise RunFolderError(f"{preprocessing.path}: 'filter' does not fit inputs and targets: the file was altered.")
    weights = flat.reshape(-1, len(mean))
    return {
        FILTER: [apply_filter(weights, x) * deviation + mean for x in inputs],
        LAST: [_last(y, mean) for y in truth],
        MEAN: [np.broadcast_to(mean, y.shape) for y in truth],
    }


def _last(truth: Numbers, mean: Numbers) -> Numbers:
    """Return the last known value before each step; the mean where there is none."""
    before = np.concatenate([np.full((1, truth.shape[1]), np.nan), truth[:-1]])
    at = np.maximum.accumulate(np.where(np.isnan(before), 0, np.arange(len(before))[:, None]), 0)
    found = np.take_along_axis(before, at, 0)
    return np.where(np.isnan(found), mean, found)
