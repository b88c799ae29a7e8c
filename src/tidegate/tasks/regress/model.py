"""The model of regression: recurrent layers, and an affine map of their output and the input."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError
from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.layers import recurrent
from tidegate.tasks.regress.config import RegressConfig
from tidegate.train.hub.pretrained_model import PretrainedModel


class Regressor(PretrainedModel):
    """Recurrent layers with a value at every step; time is the first axis, so that nothing is transposed.

    ``h_1 .. h_T = recurrent(x_1 .. x_T)``, ``y_t = W h_t + V x_t + b``; x and y are normalised. With V the layers need
    only learn what a linear map of the same step does not do. With ``config.direct`` "input" V is fixed, so that in its
    own units each input is added to its target (Wright, Damskägg & Välimäki 2019); with "none" there is no V.

    Args:
        config: the model config.
        inputs: F, the number of inputs.
        targets: K, the number of targets.
        elapsed: the times between steps, if the cell takes them.
        scale: the deviation of each input in deviations of its target, for "input". Default: 1.
        backend: the engine's backend; None leaves it to the engine.

    Raises:
        ArgumentError: inputs are to be added to another number of targets.
    """

    def __init__(
        self,
        config: RegressConfig,
        inputs: int,
        targets: int,
        *,
        elapsed: ElapsedTimes | None = None,
        scale: Sequence[float] | None = None,
        backend: str | None = None,
    ) -> None:
        super().__init__()
        self.config, self.targets, self.elapsed = config, targets, elapsed
        self.recurrent = recurrent(config, inputs, batch_first=False, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, targets)
        self.direct = None if config.direct == "none" else nn.Linear(inputs, targets, bias=False)
        if config.direct == "input":
            if inputs != targets:
                raise ArgumentError(
                    f"direct is 'input', which adds each input to its target, but there are {inputs} inputs and "
                    f"{targets} targets: choose 'linear' or 'none'."
                )
            assert self.direct is not None
            del self.direct.weight  # it is fixed, and follows from the preprocessing: not saved with the model
            fixed = torch.ones(inputs) if scale is None else torch.tensor(scale, dtype=torch.get_default_dtype())
            self.direct.register_buffer("weight", fixed.diag(), persistent=False)

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
        y = self.output(self.dropout(h))
        return y if self.direct is None else y + self.direct(x), final

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
