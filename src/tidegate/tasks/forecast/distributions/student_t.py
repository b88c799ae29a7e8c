"""Student's t-distribution of the next value, for series in which some values are far from the others."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.tasks.forecast.distributions.gaussian import LOWEST
from tidegate.tasks.forecast.distributions.student_t_quantile import standard_quantile


class StudentT:
    """t with nu degrees of freedom, location mu and scale sigma, given mu, log sigma and o, with nu = 2 + softplus(o).

    So the variance is finite. At least log 1e-4 is taken of log sigma. Its loss is -log p in nats, computed in float64:
    neither it nor its gradient overflows for any float32 numbers.
    """

    size: ClassVar[int] = 3
    counts: ClassVar[bool] = False
    loss_unit: ClassVar[str] = "nats"

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """Log sigma + log B + log(nu)/2 + (nu + 1)/2 log(1 + ((y - mu)/sigma)^2 / nu), B = B(1/2, nu/2)."""
        mean, log_scale, freedom = _parameters(given.double())
        distance = ((value - mean) * torch.exp(-log_scale)) ** 2 / freedom
        log_beta = 0.5 * math.log(math.pi) + torch.lgamma(freedom / 2) - torch.lgamma((freedom + 1) / 2)
        loss = log_scale + log_beta + freedom.log() / 2 + (freedom + 1) / 2 * torch.log1p(distance)
        return loss.to(given.dtype)

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """Mu + sigma T^-1(share), T the distribution function of t, see `standard_quantile`; without gradients.

        Raises:
            MissingDependencyError: SciPy is not installed.
        """
        mean, log_scale, freedom = _parameters(given.detach())
        return mean + torch.exp(log_scale) * standard_quantile(share.detach(), freedom)


def _parameters(given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return given[..., 0], given[..., 1].clamp_min(LOWEST), 2 + functional.softplus(given[..., 2])
