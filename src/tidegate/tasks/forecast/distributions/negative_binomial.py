"""The negative binomial distribution of the next count."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.io.optional import importing

POISSON = 1e-6  # the least alpha: there the variance is the mean, as of a Poisson distribution
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
        with importing("scipy", "Quantiles of the negative binomial distribution need"):
            from scipy.stats import nbinom
        scale, mean, alpha = (it.numpy() for it in _parameters(given.detach().double().cpu()))
        found = nbinom.ppf(share.detach().double().cpu().numpy(), 1 / alpha, 1 / (1 + alpha * mean)) / scale
        return torch.from_numpy(found).to(given)


def _parameters(given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return nu, mu and alpha."""
    scale = given[..., 2].exp()
    alpha = functional.softplus(given[..., 1]) * scale.rsqrt()
    return scale, scale * functional.softplus(given[..., 0].clamp_min(LEAST)), alpha.clamp_min(POISSON)
