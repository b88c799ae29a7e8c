"""Forecasts of a trained model: sample paths, and their errors on a part of the examples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.column_kinds import stored_text
from tidegate.data.columns import Part, Preprocessing
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import shares
from tidegate.tasks.forecast.error_measures import crps_of_samples
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.scores import LEVELS, Forecasts
from tidegate.tasks.forecast.windows import naive_names
from tidegate.tasks.layers import mask


def sample_paths(model: Forecaster, columns: Columns, config: ForecastConfig, preprocessing: Preprocessing) -> Tensor:
    """Draw sample paths (B, H, P), float64, in the units of the series."""
    frames, lengths = model.frames(columns), columns["frames"].lengths
    draws = shares(config.horizon, config.paths).to(frames.device)
    paths = model.paths(frames, lengths - config.horizon, draws, *preprocessing.numbers("reach", 1)).double()
    scale = columns["scale"].values.double()
    paths = scale[:, 0, None, None] + scale[:, 1, None, None] * paths
    return paths.round() if config.counts else paths


def mean_and_quantiles(paths: Tensor, levels: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the mean (B, H) and quantiles (B, H, L) of sample paths (B, H, P)."""
    found = paths.quantile(torch.tensor(levels, dtype=paths.dtype, device=paths.device), 2)
    return paths.mean(2).cpu().numpy(), found.permute(1, 2, 0).cpu().numpy()


def forecast_part(
    model: Forecaster, part: Part, config: ForecastConfig, preprocessing: Preprocessing, length: str
) -> tuple[float, Forecasts]:
    """Forecast a part of the examples.

    Args:
        model: in eval mode.
        part: examples with their true values.
        config: the model config.
        preprocessing: fitted on the training part.
        length: the column by whose length examples are batched.

    Returns:
        The mean loss of a step, one step ahead of true values, and the free-running forecasts beside naive ones.
    """
    horizon = config.horizon

    def score(columns: Columns) -> list[tuple[float, int, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        frames, lengths = model.frames(columns), columns["frames"].lengths - 1
        loss = model.distribution.loss(model(inputs(frames, model.past), lengths)[0], frames[:, 1:, 0])
        outside = mask(lengths - horizon, loss.shape[1]) | ~predicted(columns, lengths)
        paths = sample_paths(model, columns, config, preprocessing)
        crps = crps_of_samples(paths, columns["reference"].values[..., 0].double())
        losses = loss.masked_fill(outside, 0).sum(1).tolist()
        counts = (~outside).sum(1).tolist()
        return list(zip(losses, counts, *mean_and_quantiles(paths, LEVELS), crps.cpu().numpy(), strict=True))

    losses, counts, mean, quantiles, crps = zip(*map_batches(part, length, model, score), strict=True)
    others = part.rows(range(len(part)))
    truth, *naive = np.moveaxis(np.array(others["reference"]), 2, 0)
    names, baseline = naive_names(preprocessing)
    found = Forecasts(
        names=[stored_text(name) for name in others["name"]],
        at=np.array(others["at"])[:, 0],
        mean=np.array(mean),
        quantiles=np.array(quantiles),
        crps=np.array(crps),
        truth=truth,
        naive=dict(zip(names, naive, strict=True)),
        baseline=baseline,
        deviation=np.array(others["scale"])[:, 3 if config.counts else 1],
        naive_error=np.array(others["scale"])[:, 2],
    )
    return sum(losses) / max(1, sum(counts)), found


def predicted(columns: Columns, lengths: Tensor) -> Tensor:
    """Return which steps count in the loss, (B, L): those within an example's length whose next value is observed."""
    within = mask(lengths, columns["frames"].values.shape[1] - 1)
    return within & columns["counted"].values[:, 1:].bool() if "counted" in columns else within
