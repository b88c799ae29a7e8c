"""Distributions of the next value: their loss, and draws from them.

Both are given by numbers, the first of which is the location, so that a model can add to it.
"""

import math
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn import functional

LOWEST = math.log(1e-4)  # of a Gaussian's log-scale: without a bound the loss of a series without noise has none


class Distribution(Protocol):
    """A distribution given by `size` numbers."""

    size: ClassVar[int]

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """(..., size) and (...) to (...)."""
        ...

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """The value below which a share of the distribution lies: (..., size) and (...) to (...)."""
        ...


class Gaussian:
    """N(mu, sigma^2), given mu and log sigma, of which at least log 1e-4 is taken; its loss is -log p in nats."""

    size: ClassVar[int] = 2

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """log sigma + (y - mu)^2 / (2 sigma^2) + log(2 pi) / 2."""
        mean, log_scale = given[..., 0], given[..., 1].clamp_min(LOWEST)
        return log_scale + 0.5 * ((value - mean) * torch.exp(-log_scale)) ** 2 + 0.5 * math.log(2 * math.pi)

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """Mu + sigma Phi^-1(share)."""
        return given[..., 0] + torch.exp(given[..., 1].clamp_min(LOWEST)) * torch.special.ndtri(share)


class Quantiles:
    """Quantiles at fixed levels, given the median and the logarithms of the steps away from it, so they never cross.

    The loss is the pinball loss summed over the levels, max(p (y - q_p), (p - 1) (y - q_p)) (Koenker & Bassett 1978).
    Between the levels the quantile function is linear; beyond the outermost ones it is constant.
    """

    LEVELS: ClassVar[tuple[float, ...]] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
    size: ClassVar[int] = len(LEVELS)

    def quantiles(self, given: Tensor) -> Tensor:
        """(..., size) to the quantiles (..., size), rising."""
        middle = self.size // 2
        steps = functional.softplus(given[..., 1:])
        below = -steps[..., :middle].cumsum(-1).flip(-1)
        above = steps[..., middle:].cumsum(-1)
        return given[..., :1] + torch.cat([below, torch.zeros_like(given[..., :1]), above], -1)

    def loss(self, given: Tensor, value: Tensor) -> Tensor:
        """The pinball loss, summed over the levels."""
        level = torch.tensor(self.LEVELS, device=given.device, dtype=given.dtype)
        error = value[..., None] - self.quantiles(given)
        return torch.maximum(level * error, (level - 1) * error).sum(-1)

    def quantile(self, given: Tensor, share: Tensor) -> Tensor:
        """Linear between the levels, constant beyond them."""
        level = torch.tensor(self.LEVELS, device=given.device, dtype=given.dtype)
        known = self.quantiles(given)
        share = share.clamp(self.LEVELS[0], self.LEVELS[-1])
        right = torch.searchsorted(level, share.contiguous()).clamp(1, self.size - 1)
        part = (share - level[right - 1]) / (level[right] - level[right - 1])
        low, high = (known.gather(-1, it[..., None]).squeeze(-1) for it in (right - 1, right))
        return low + part * (high - low)


def shares(horizon: int, paths: int) -> Tensor:
    """Shares (horizon, paths) for drawing paths: at each step one from each of ``paths`` equal strata, mixed.

    They are the same for every series, so that a forecast does not depend on those made beside it, and always the same.
    """
    source = torch.Generator().manual_seed(0)
    mixed = torch.rand(horizon, paths, generator=source).argsort(-1)
    return ((mixed + torch.rand(horizon, paths, generator=source)) / paths).clamp(1e-6, 1 - 1e-6)
