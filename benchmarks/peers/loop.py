"""A loop over the steps in eager PyTorch, as one writes it for a cell that no library has."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from benchmarks.contender import Contender, solver
from benchmarks.equations import STATES, STEPS, Library, input_part
from benchmarks.layers import make_layer
from benchmarks.problem import Problem, Setting

name = "eager loop"
packages = ("torch",)

TORCH = Library(
    linear=linear,
    plus=lambda a, x, w: torch.addmm(a, x, w.t()),
    split=lambda a, n: a.chunk(n, -1),
    sigmoid=torch.sigmoid,
    tanh=torch.tanh,
)


def supports(setting: Setting) -> bool:
    """Every cell, one layer, one direction, all steps."""
    return setting.case.kind == ""


def prepare(problem: Problem) -> Contender:
    """The loop with our weights; for a cell that is not written out here, the reference backend's over its function."""
    cell, w = problem.setting.cell, problem.parameters
    if cell not in STEPS:
        layer = make_layer(cell, problem.setting.case, backend="reference")
        layer.load_state_dict(problem.layer.state_dict())
        return solver(problem, lambda x: layer(x)[0], dict(layer.named_parameters()))
    return solver(problem, lambda x: unroll(cell, w, x), w)


def unroll(cell: str, w: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """The outputs (T, B, H) for an input (T, B, I)."""
    step = STEPS[cell](TORCH, w)
    state = (x.new_zeros(x.shape[1], w["weight_hh_l0"].shape[1]),) * STATES[cell]
    outputs = []
    # unbind, not x[t]: the gradient of T indexings is T tensors as large as x.
    for part in input_part(TORCH, cell, w, x).unbind(0):
        state = step(part, state)
        outputs.append(state[0])
    return torch.stack(outputs)
