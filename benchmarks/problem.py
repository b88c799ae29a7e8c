"""The problem that all contenders solve: the same weights, input and gradient of the output."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import Case, Mode
from benchmarks.layers import make_module


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
        layer: our layer, or our cell of one step; all contenders use its parameters.
        x: (T, B, H).
        cotangent: the gradient of the output, shaped as it.
        lengths: (B,) valid steps, uniform in [T/4, T]; None: all T.
    """

    setting: Setting
    layer: Any
    x: Tensor
    cotangent: Tensor
    lengths: Tensor | None

    @property
    def parameters(self) -> dict[str, Tensor]:
        """All weights and biases, by torch's names."""
        return dict(self.layer.named_parameters())

    @property
    def flops(self) -> float:
        """Floating-point operations in products: two for each weight and valid step, in training three times that."""
        batch, steps = self.setting.case.batch, self.setting.case.steps
        valid = batch * steps if self.lengths is None else self.lengths.sum().item()
        weights = sum(value.numel() for value in self.parameters.values() if value.ndim == 2)
        return 2.0 * valid * weights * (3 if self.setting.mode == "training" else 1)


def pose(setting: Setting) -> Problem:
    """Draw the tensors of a setting, the same each time."""
    case = setting.case
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    try:
        layer: Any = make_module(setting.cell, case)
        x = torch.randn(case.steps, case.batch, case.size)
        cotangent = torch.randn(case.steps, case.batch, case.output_size)
        lengths = None
        if case.kind == "packed":
            lengths = torch.randint(-(-case.steps // 4), case.steps + 1, (case.batch,))
            valid = (torch.arange(case.steps)[:, None] < lengths)[:, :, None]
            x, cotangent = x * valid, cotangent * valid
    finally:
        torch.random.set_rng_state(state)
    if case.kind == "bfloat16":
        layer, x, cotangent = layer.to(torch.bfloat16), x.to(torch.bfloat16), cotangent.to(torch.bfloat16)
    return Problem(setting, layer, x, cotangent, lengths)
