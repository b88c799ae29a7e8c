"""The model that forecasts: recurrent layers that say how the next value is distributed, and paths of what may come."""

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.tasks.forecast.distributions import Distribution
from tidegate.tasks.layers import each_state, recurrent
from tidegate.train.options import RecurrentConfig


class Forecaster(nn.Module):
    """Recurrent layers and what they say of the next value.

    Args:
        config: how they are made.
        covariates: C, how many there are.
        distribution: of the next value.
        backend: the engine's backend; None leaves it to the engine.
    """

    def __init__(
        self, config: RecurrentConfig, covariates: int, distribution: Distribution, *, backend: str | None = None
    ) -> None:
        super().__init__()
        self.distribution = distribution
        self.recurrent = recurrent(config, 1 + covariates, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, self.distribution.size)
        self.last = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Any]:
        """Inputs (B, L, 1 + C) to what is said of each next value (B, L, size), and the final states."""
        h, final = self.recurrent(x, lengths=lengths)
        return self.say(self.dropout(h), x[..., 0]), final

    def say(self, h: Tensor, y: Tensor) -> Tensor:
        """What is said of the next value, from outputs (..., H) and last values (...)."""
        given = self.output(h)
        return torch.cat([given[..., :1] + (self.last * y)[..., None], given[..., 1:]], -1)

    def paths(self, frames: Tensor, steps: Tensor, draws: Tensor, reach: float) -> Tensor:
        """Go on with each series.

        What is fed back is a system of its own, which may run away from all that was learned from. So a path goes no
        further from the last known value than ``reach``.

        Args:
            frames: (B, L, 1 + C); of the first number only that of the known steps is read.
            steps: (B,) how many steps are known, at least 1.
            draws: (H, P), shares in (0, 1), of each distribution the one to take.
            reach: the furthest that a path may go.

        Returns:
            Values (B, H, P).
        """
        horizon, count = draws.shape
        rows = torch.arange(len(frames), device=frames.device)
        given, final = self(inputs(frames), steps)
        given, start = given[rows, steps - 1], frames[rows, steps - 1, 0].repeat_interleave(count)
        stepper = self.recurrent.stepper(len(frames) * count)
        stepper.state = each_state(final, lambda state: state.repeat_interleave(count, 1))
        given = given.repeat_interleave(count, 0)
        found = []
        for h in range(horizon):
            y = self.distribution.quantile(given, draws[h].repeat(len(frames)))
            y = torch.clamp(y, start - reach, start + reach)
            found.append(y.view(-1, count))
            if h + 1 < horizon:
                known = frames[rows, steps + h + 1, 1:].repeat_interleave(count, 0)
                given = self.say(stepper(torch.cat([y[:, None], known], -1)), y)
        return torch.stack(found, 1)


def inputs(frames: Tensor) -> Tensor:
    """Frames (y_t, c_t) (B, L, 1 + C) to inputs (y_t, c_{t+1}) (B, L - 1, 1 + C)."""
    return torch.cat([frames[:, :-1, :1], frames[:, 1:, 1:]], -1)
