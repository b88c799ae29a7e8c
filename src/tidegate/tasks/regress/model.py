"""The model of regression: recurrent layers, and an affine map of their output and the input."""

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.layers import recurrent
from tidegate.train.options import RecurrentConfig


class Regressor(nn.Module):
    """Recurrent layers with a value at every step; time is the first axis, so that nothing is transposed.

    ``h_1 .. h_T = recurrent(x_1 .. x_T)``, ``y_t = W h_t + V x_t + b``; x and y are normalised. With V the layers need
    only learn what a linear map of the same step does not do (Wright, Damskägg & Välimäki 2019 add x_t itself).

    Args:
        config: the model config.
        inputs: F, the number of inputs.
        targets: K, the number of targets.
        elapsed: the times between steps, if the cell takes them.
        backend: the engine's backend; None leaves it to the engine.
    """

    def __init__(
        self,
        config: RecurrentConfig,
        inputs: int,
        targets: int,
        *,
        elapsed: ElapsedTimes | None = None,
        backend: str | None = None,
    ) -> None:
        super().__init__()
        self.config, self.targets, self.elapsed = config, targets, elapsed
        self.recurrent = recurrent(config, inputs, batch_first=False, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, targets)
        self.direct = nn.Linear(inputs, targets, bias=False)

    def forward(self, x: Tensor, lengths: Tensor | None = None, state: Any = None) -> tuple[Tensor, Any]:
        """Return the values of each step and the final state.

        Args:
            x: inputs (T, B, F).
            lengths: (B,) valid steps. Default: all.
            state: as returned before. Default: zero.

        Returns:
            (T, B, K), and a tensor (layers, B, H) or a tuple of them.
        """
        h, final = self.recurrent(x, state, lengths=lengths, masks=self.masks(x))
        return self.output(self.dropout(h)) + self.direct(x), final

    def masks(self, x: Tensor) -> dict[str, Tensor] | None:
        """Return the time before each step of inputs (T, B, F), (T, B), if the cell takes it."""
        return None if self.elapsed is None else {MASK: self.elapsed.of_frames(x)}

    def zero_state(self, batch_size: int) -> tuple[Tensor, ...]:
        """Return the state before the first step: (layers, B, H) for each state of the cell."""
        weight = self.output.weight
        shape = (self.config.num_layers, batch_size, self.config.hidden_size)
        return tuple(weight.new_zeros(shape) for _ in self.recurrent.cell.states)

    def read(self, x: Tensor, lengths: Tensor, at_once: int = 1 << 14) -> Tensor:
        """Return the values of each step (T, B, K) of long sequences, with the state handed on between pieces.

        Args:
            x: inputs (T, B, F).
            lengths: (B,) valid steps.
            at_once: steps of a piece, which bound the memory.
        """
        found, state = [], None
        for start in range(0, len(x), at_once):
            left = (lengths - start).clamp(0, at_once)
            y, state = self(x[start : start + at_once], left, state)
            found.append(y)
        return torch.cat(found)
