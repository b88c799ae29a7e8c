"""The draws of sample paths."""

import torch
from torch import Tensor


def shares(horizon: int, paths: int, seed: int = 0) -> Tensor:
    """Shares (horizon, paths) for drawing paths: at each step one from each of ``paths`` equal strata, mixed.

    They are the same for every series, so that a forecast does not depend on those made beside it, and always the same.
    """
    source = torch.Generator().manual_seed(seed)
    mixed = torch.rand(horizon, paths, generator=source).argsort(-1)
    return ((mixed + torch.rand(horizon, paths, generator=source)) / paths).clamp(1e-6, 1 - 1e-6)
