"""The time between rows as cells for irregular series take it: at every step, in units of the usual time."""

import torch
from torch import Tensor

from tidegate.data.series.row_options import Elapsed

MASK = "dt"  # of the cells that take it


class ElapsedTimes:
    """Read elapsed times back from a normalised covariate.

    Args:
        column: the covariate's column of inputs and frames.
        mean: of the covariate in the training part.
        deviation: likewise.
        how: what the covariate is, the time or its logarithm.
    """

    def __init__(self, column: int, mean: float, deviation: float, how: Elapsed) -> None:
        self.column, self.mean, self.deviation, self.how = column, mean, deviation, how

    def usual(self, values: Tensor) -> Tensor:
        """Return times in units of their mean in the training part; of logarithms, of the geometric mean."""
        if self.how == "log":
            return torch.exp(self.deviation * values)
        return (1 + self.deviation / self.mean * values).clamp_min(0)

    def of_frames(self, frames: Tensor) -> Tensor:
        """Return the time before each step of frames (..., P + C), (...)."""
        return self.usual(frames[..., self.column])

    def of_inputs(self, x: Tensor) -> Tensor:
        """Return the time before each step (B, L) of inputs (B, L, P + C), which have the time after it; at first 1."""
        return torch.cat([torch.ones_like(x[:, :1, 0]), self.usual(x[:, :-1, self.column])], 1)
