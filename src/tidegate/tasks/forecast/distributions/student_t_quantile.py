"""Quantiles of Student's t-distribution by polynomials, many at once."""

import functools

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from tidegate.io.optional import importing

LEAST_SHARE = 1e-6
LEAST_FREEDOM = 2.0
DEGREE = 13


def standard_quantile(share: Tensor, freedom: Tensor) -> Tensor:
    """T^-1(share), T the distribution function of t with at least 2 degrees of freedom nu; without gradients.

    T^-1(share) = z e^p(z^2, 1/nu), where z is the normal distribution's quantile and p a polynomial that agrees with
    SciPy's quantiles at the Chebyshev nodes of both variables. The relative error is below 1e-6 for shares from 1e-6
    to 1 - 1e-6; shares beyond are taken as these.

    Args:
        share: (...), broadcast with ``freedom``. Where one share belongs to many degrees of freedom, p's coefficients
            in 1/nu are computed once for all of them.
        freedom: (...), nu.

    Raises:
        MissingDependencyError: SciPy is not installed.
    """
    normal = torch.special.ndtri(share.clamp(LEAST_SHARE, 1 - LEAST_SHARE))
    rows = [torch.from_numpy(row).to(normal) for row in _coefficients()]
    by_share = _horner(rows, (2 * (normal / _farthest()).square() - 1)[..., None])
    return normal * torch.exp(_horner(by_share.unbind(-1), 2 * LEAST_FREEDOM / freedom - 1))


def _horner(coefficients: list[Tensor] | tuple[Tensor, ...], x: Tensor) -> Tensor:
    """c0 + c1 x + c2 x^2 + ..."""
    *others, result = coefficients
    for coefficient in reversed(others):
        result = torch.addcmul(coefficient, result, x)
    return result


@functools.cache
def _coefficients() -> np.ndarray:
    """Return p's coefficients: a row for each power of z^2, a column for each of 1/nu, both scaled to -1 .. 1."""
    with importing("scipy", "Quantiles of Student's t-distribution need"):
        from scipy.special import ndtr, stdtrit
    node = chebyshev.chebpts1(DEGREE + 1)
    normal = -_farthest() * np.sqrt((node + 1) / 2)[:, None]
    values = np.log(stdtrit(2 * LEAST_FREEDOM / (node + 1), ndtr(normal)) / normal)
    powers = np.vander(node, increasing=True)
    return np.linalg.solve(powers, np.linalg.solve(powers, values).T).T


@functools.cache
def _farthest() -> float:
    """The normal quantile that is farthest from 0."""
    return -float(torch.special.ndtri(torch.tensor(LEAST_SHARE, dtype=torch.float64)))
