"""The problem that all contenders solve: the same weights, input and gradient of the output."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from benchmarks.cases import Case
from benchmarks.layers import make_layer
from tidegate import nn

Mode = Literal["inference", "training"]


@dataclass(frozen=True)
class Setting:
    """A comparison, before any memory is allocated for it.

    Attributes:
        cell: its name, one of ``CELLS``, or ``FILE.py:NAME``.
        case: the shape and kind.
        mode: "inference", or "training": forward, and backward to the input and all weights.
    """

    cell: str
    case: Case
    mode: Mode

    def __str__(self) -> str:
        return f"{self.cell} {self.case} {self.mode}"


@dataclass(frozen=True)
class Problem:
    """A setting with its tensors; T steps, B sequences, H hidden units and input features.

    Attributes:
        setting: the comparison.
        layer: our layer; all contenders use its parameters.
        x: (T, B, H).
        cotangent: the gradient of the output, shaped as it.
        lengths: (B,) valid steps, uniform in [T/4, T]; None: all T.
    """

    setting: Setting
    layer: nn.Layered
    x: Tensor
    cotangent: Tensor
    lengths: Tensor | None

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All weights and biases, by torch's names."""
        return dict(self.layer.named_parameters())


def pose(setting: Setting) -> Problem:
    """Draw the tensors of a setting, the same each time."""
    case = setting.case
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    try:
        layer = make_layer(setting.cell, case)
        x = torch.randn(case.steps, case.batch, case.size)
        cotangent = torch.randn(case.steps, case.batch, layer.output_size)
        lengths = None
        if case.kind == "packed":
            lengths = torch.randint(-(-case.steps // 4), case.steps + 1, (case.batch,))
            valid = (torch.arange(case.steps)[:, None] < lengths)[:, :, None]
            x, cotangent = x * valid, cotangent * valid
    finally:
        torch.random.set_rng_state(state)
    return Problem(setting, layer, x, cotangent, lengths)
