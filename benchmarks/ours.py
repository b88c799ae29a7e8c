"""Our contender: the layer as a user calls it."""

from typing import Any

import torch
from torch import Tensor

from benchmarks.contender import Contender, solver
from benchmarks.problem import Problem


def prepare(problem: Problem) -> Contender:
    """Our layer, ready to be timed."""
    if problem.setting.case.kind == "streaming":
        return _stream(problem)
    return solver(problem, lambda x: problem.layer(x, lengths=problem.lengths)[0], problem.parameters)


def prepare_recording(problem: Problem) -> Contender:
    """Our layer, recording every gate and state of every step."""

    def forward(x: Tensor) -> Tensor:
        output = problem.layer.trace(x).output
        assert isinstance(output, Tensor)
        return output

    return solver(problem, forward, problem.parameters)


def _stream(problem: Problem) -> Contender:
    """One step a call, the state carried from call to call."""
    layer, x = problem.layer, problem.x
    if hasattr(layer, "stepper"):
        stepper: Any = layer.stepper(x.shape[1])  # pyright: ignore[reportCallIssue]

        def run() -> Tensor:
            return stepper(x[0])

        return Contender(run, lambda output: {"output": output.clone()})
    carried: Any = None

    def step() -> Tensor:
        nonlocal carried
        with torch.inference_mode():
            output, carried = layer(x, carried)
        return output

    return Contender(step, lambda output: {"output": output[0]})
