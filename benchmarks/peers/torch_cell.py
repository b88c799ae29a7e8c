"""``torch.nn.LSTMCell``, ``GRUCell`` and ``RNNCell``: one step, and streaming steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.contender import Contender, one_step
from benchmarks.problem import Problem, Setting

name = "torch.nn cell"
packages = ("torch",)
LAYERS = {"lstm": nn.LSTMCell, "gru": nn.GRUCell, "rnn_tanh": nn.RNNCell}


def supports(setting: Setting) -> bool:
    """Single steps of the three cells that torch has."""
    return setting.case.kind in ("streaming", "cell") and setting.cell in LAYERS


def prepare(problem: Problem) -> Contender:
    """A cell of torch with our weights; of streaming steps, its state is carried from call to call."""
    cell = LAYERS[problem.setting.cell](problem.setting.case.size, problem.setting.case.size)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in problem.layer.state_dict().items()})
    if problem.setting.case.kind == "cell":
        return one_step(problem, cell)
    x, state = problem.x[0], None

    def step() -> Any:
        nonlocal state
        with torch.inference_mode():
            state = cell(x, state)
        return state

    def results(solved: Any) -> dict[str, Tensor]:
        return {"output": solved if isinstance(solved, Tensor) else solved[0]}

    return Contender(step, results)
