"""The normal distribution of the next value."""

import math
from typing import ClassVar

import torch
from torch import Tensor

LOWEST = math.log(1e-4)  # of the log-scale: without a bound the loss of a series without noise has none


class Gaussian:
    """N(mu, sigma^2), given mu and log sigma, of which at least log 1e-4 is taken; its loss is -log p in nats."""

    size: ClassVar[int] = 2
    counts: ClassVar[bool] = False
    loss_unit: ClassVar[str] = "nats"

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """log sigma + (y - mu)^2 / (2 sigma^2) + log(2 pi) / 2."""
        mean, log_scale = given[..., 0], given[..., 1].clamp_min(LOWEST)
        return log_scale + 0.5 * ((value - mean) * torch.exp(-log_scale)) ** 2 + 0.5 * math.log(2 * math.pi)

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """Mu + sigma Phi^-1(share)."""
        return given[..., 0] + torch.exp(given[..., 1].clamp_min(LOWEST)) * torch.special.ndtri(share)
