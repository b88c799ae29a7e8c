"""The loss of a forecast without a network, on the validation part."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.columns import Part, Preprocessing
from tidegate.data.naive import LAST, MEAN
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import Gaussian, NegativeBinomial, Quantiles, StudentT
from tidegate.tasks.forecast.windows import by_target

FREEDOMS = (2.1, 2.5, 3.0, 4.0, 6.0, 10.0, 30.0, 100.0)  # degrees of freedom that are tried
ROUNDS = 50


def baseline_loss(part: Part, config: ForecastConfig, preprocessing: Preprocessing) -> dict[str, float]:
    """Compute the mean loss of one step ahead of the last value, with the distribution of changes in the training part.

    Of several targets it is the mean over all their values.

    Of counts it is that of a negative binomial distribution with their mean and variance in the training part.

    Returns:
        The loss by the name of the baseline.
    """
    rows, horizon = part.rows(range(len(part))), config.horizon
    targets = by_target(preprocessing)
    scales = torch.from_numpy(np.array(rows["scale"])).unflatten(1, (len(targets), -1))
    losses = []
    for k, fitted in enumerate(targets.values()):
        values = np.array([np.asarray(frames[-horizon - 1 :, k], np.float64) for frames in rows["frames"]])
        wide = torch.from_numpy(values)
        if config.counts:
            given = _of_moments(scales[:, k, None]).expand(-1, horizon, -1)
            loss = NegativeBinomial().loss(given, wide[:, 1:])
        else:
            loss = _loss_of_changes(wide.diff(), config.distribution, fitted)
        if "counted" in rows:
            seen = np.array([it[-horizon:].reshape(horizon, -1)[:, k] for it in rows["counted"]]).astype(bool)
            loss = loss[torch.from_numpy(seen)]
        losses.append(loss.flatten())
    loss = torch.cat(losses)
    return {MEAN if config.counts else LAST: loss.mean().item()} if loss.numel() else {}


def _loss_of_changes(changes: Tensor, distribution: str, preprocessing: Preprocessing) -> Tensor:
    if distribution == "student_t":
        return StudentT().loss(torch.tensor([0.0, *preprocessing.numbers("change_student_t", 2)]), changes)
    known = preprocessing.numbers("change", 1 + len(Quantiles.LEVELS))
    if distribution == "gaussian":
        return Gaussian().loss(torch.tensor([0.0, float(np.log(max(known[0], 1e-4)))]), changes)
    error = changes[..., None] - torch.tensor(known[1:])
    level = torch.tensor(Quantiles.LEVELS)
    return torch.maximum(level * error, (level - 1) * error).sum(-1)


def _of_moments(scale: Tensor) -> Tensor:
    """Return the numbers of negative binomials of given moments: (..., 4), of which 0, nu, any, deviation, to (..., 3).

    Their mean is nu - 1, and alpha = (variance - mean) / mean^2.
    """
    nu, deviation = scale[..., 1], scale[..., 3]
    mean = (nu - 1).clamp_min(1e-6)
    alpha = ((deviation**2 - mean) / mean**2).clamp_min(1e-6)
    return torch.stack([_softplus_inverse(mean / nu), _softplus_inverse(alpha * nu.sqrt()), nu.log()], -1)


def _softplus_inverse(value: Tensor) -> Tensor:
    return value + torch.log(-torch.expm1(-value))


def fit_student_t(changes: NDArray[Any]) -> tuple[float, float]:
    """Fit a t-distribution around 0 by maximum likelihood: for each of some degrees of freedom by EM, then the best.

    Returns:
        log sigma and o, as `StudentT` takes them.
    """
    squares = np.maximum(changes.astype(np.float64) ** 2, 1e-8)  # as the scale of `StudentT` is at least 1e-4
    found = []
    for freedom in FREEDOMS:
        scale = float(np.median(squares))
        for _ in range(ROUNDS):
            scale = float(np.mean((freedom + 1) * squares / (freedom + squares / scale)))
        given = torch.tensor([0.0, 0.5 * np.log(scale), float(np.log(np.expm1(freedom - 2)))], dtype=torch.float64)
        found.append((StudentT().loss(given, torch.from_numpy(np.sqrt(squares))).mean().item(), given[1:].tolist()))
    log_scale, freedom = min(found)[1]
    return log_scale, freedom
