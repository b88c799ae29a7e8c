"""The negative binomial distribution of the next count."""

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tidegate.io.optional import importing

POISSON = 1e-6  # the least alpha: there the variance is the mean, as of a Poisson distribution
SUMMED = 100  # probabilities that are added up; SciPy is quicker beyond
LEAST = -500.0  # of the location: softplus of less is 0


class NegativeBinomial:
    """Whole numbers z >= 0 of mean mu and variance mu + alpha mu^2 (Salinas et al. 2020, DeepAR).

    A value is y = z / nu, and the distribution is given m, a and log nu, with mu = nu softplus(m) and
    alpha = softplus(a) / sqrt(nu), of which at least 1e-6 is taken. Its loss is -log p(z) in nats, computed in float64.
    """

    size: ClassVar[int] = 2
    counts: ClassVar[bool] = True
    loss_unit: ClassVar[str] = "nats"

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """-log p(z), with r = 1/alpha.

        p(z) = Gamma(z + r) / (Gamma(r) z!) (1 / (1 + alpha mu))^r (alpha mu / (1 + alpha mu))^z
        """
        scale, mean, alpha = _parameters(given.double())
        count, r, spread = (value * scale).round(), 1 / alpha, alpha * mean
        ways = torch.lgamma(count + r) - torch.lgamma(r) - torch.lgamma(count + 1)
        return ((r + count) * torch.log1p(spread) - count * spread.log() - ways).to(given.dtype)

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """The least z / nu with P(Z <= z) >= share; without gradients.

        Raises:
            MissingDependencyError: SciPy is not installed.
        """
        scale, mean, alpha = (it.numpy() for it in _parameters(given.detach().double().cpu()))
        of_each = share.detach().double().expand(given.shape[:-1]).cpu().numpy()
        found = _least_count(of_each, 1 / alpha, alpha * mean) / scale
        return torch.from_numpy(found).to(given)


def _least_count(share: NDArray[np.float64], r: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[Any]:
    """Return the least z with P(Z <= z) >= share: by adding up p(0), p(1) and so on, and where z is large by SciPy."""
    with np.errstate(under="ignore"):
        factor, probability = spread / (1 + spread), np.exp(-r * np.log1p(spread))
        total = probability.copy()
        below = total < share
        found = below.astype(np.float64)
        for count in range(1, SUMMED):
            if not below.any():
                return found
            probability *= factor * ((count - 1 + r) / count)
            total += probability
            below = total < share
            found += below
    with importing("scipy", "Quantiles of the negative binomial distribution need"):
        from scipy.stats import nbinom
    found[below] = nbinom.ppf(share[below], r[below], 1 / (1 + spread[below]))
    return found


def _parameters(given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return nu, mu and alpha."""
    scale = given[..., 2].exp()
    alpha = functional.softplus(given[..., 1]) * scale.rsqrt()
    return scale, scale * functional.softplus(given[..., 0].clamp_min(LEAST)), alpha.clamp_min(POISSON)
