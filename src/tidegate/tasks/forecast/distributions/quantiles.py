"""Quantiles of the next value at fixed levels."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional


class Quantiles:
    """Quantiles at fixed levels, given the median and the logarithms of the steps away from it, so they never cross.

    The loss is the pinball loss summed over the levels, max(p (y - q_p), (p - 1) (y - q_p)) (Koenker & Bassett 1978).
    Between the levels the quantile function is linear; beyond the outermost ones it is constant.
    """

    LEVELS: ClassVar[tuple[float, ...]] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
    size: ClassVar[int] = len(LEVELS)
    counts: ClassVar[bool] = False
    loss_unit: ClassVar[str] = "pinball loss"

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
        share = share.expand(known.shape[:-1]).clamp(self.LEVELS[0], self.LEVELS[-1])
        right = torch.searchsorted(level, share.contiguous()).clamp(1, self.size - 1)
        part = (share - level[right - 1]) / (level[right] - level[right - 1])
        low, high = (known.gather(-1, it[..., None]).squeeze(-1) for it in (right - 1, right))
        return low + part * (high - low)
