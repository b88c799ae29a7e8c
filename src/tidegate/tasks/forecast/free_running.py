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
from tidegate.tasks.forecast.windows import by_target, naive_names, reference_columns
from tidegate.tasks.layers import mask


def sample_paths(model: Forecaster, columns: Columns, config: ForecastConfig, preprocessing: Preprocessing) -> Tensor:
    """Draw sample paths of each target (B, K, H, P), float64, in its units."""
    frames, lengths = model.frames(columns), columns["frames"].lengths
    draws = torch.stack([shares(config.horizon, config.paths, k) for k in range(model.targets)], -1).to(frames.device)
    reach = [it for fitted in by_target(preprocessing).values() for it in fitted.numbers("reach", 1)]
    paths = model.paths(frames, lengths - config.horizon, draws, reach).double()
    scale = columns["scale"].values.double().unflatten(1, (model.targets, -1))[..., None, None]
    paths = scale[:, :, 0] + scale[:, :, 1] * paths
    return paths.round() if config.counts else paths


def mean_and_quantiles(paths: Tensor, levels: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the mean (..., H) and quantiles (..., H, L) of sample paths (..., H, P)."""
    found = paths.quantile(torch.tensor(levels, dtype=paths.dtype, device=paths.device), -1)
    return paths.mean(-1).cpu().numpy(), found.movedim(0, -1).cpu().numpy()


def forecast_part(
    model: Forecaster, part: Part, config: ForecastConfig, preprocessing: Preprocessing, length: str
) -> tuple[float, dict[str, Forecasts]]:
    """Forecast a part of the examples.

    Args:
        model: in eval mode.
        part: examples with their true values.
        config: the model config.
        preprocessing: fitted on the training part.
        length: the column by whose length examples are batched.

    Returns:
        The mean loss of a step, one step ahead of true values, and each target's free-running forecasts beside naive
        ones, by name; that of the only one is "".
    """
    horizon, targets, places = config.horizon, by_target(preprocessing), reference_columns(preprocessing)

    def score(columns: Columns) -> list[tuple[float, int, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        frames, lengths = model.frames(columns), columns["frames"].lengths - 1
        loss = model.distribution.loss(model(inputs(frames, model.past), lengths)[0], frames[:, 1:, : model.targets])
        outside = mask(lengths - horizon, loss.shape[1])[..., None] | ~predicted(columns, lengths)
        outside = outside.expand(loss.shape)
        paths = sample_paths(model, columns, config, preprocessing)
        crps = crps_of_samples(
            paths, columns["reference"].values[..., [start for start, _ in places]].double().movedim(2, 1)
        )
        losses = loss.masked_fill(outside, 0).flatten(1).sum(1).tolist()
        counts = (~outside).flatten(1).sum(1).tolist()
        return list(zip(losses, counts, *mean_and_quantiles(paths, LEVELS), crps.cpu().numpy(), strict=True))

    losses, counts, mean, quantiles, crps = zip(*map_batches(part, length, model, score), strict=True)
    others = part.rows(range(len(part)))
    reference = np.moveaxis(np.array(others["reference"]), 2, 0)
    scale = np.array(others["scale"]).reshape(len(part), len(targets), -1)
    found = {}
    for k, (target, fitted) in enumerate(targets.items()):
        names, baseline = naive_names(fitted)
        truth, *columns = reference[slice(*places[k])]
        found[target] = Forecasts(
            names=[stored_text(name) for name in others["name"]],
            at=np.array(others["at"])[:, 0],
            mean=np.array(mean)[:, k],
            quantiles=np.array(quantiles)[:, k],
            crps=np.array(crps)[:, k],
            truth=truth,
            naive=dict(zip(names, columns, strict=True)),
            baseline=baseline,
            deviation=scale[:, k, 3 if config.counts else 1],
            naive_error=scale[:, k, 2],
        )
    return sum(losses) / max(1, sum(counts)), found


def predicted(columns: Columns, lengths: Tensor) -> Tensor:
    """Return which steps count in the loss, (B, L, K or 1): those in an example whose next value is observed."""
    within = mask(lengths, columns["frames"].values.shape[1] - 1)[..., None]
    if "counted" not in columns:
        return within
    counted = columns["counted"].values[:, 1:].bool()
    return within & (counted if counted.ndim == 3 else counted[..., None])
