"""Our contender: the layer as a user calls it."""

from typing import Literal

from torch import Tensor

from benchmarks.contender import Contender, one_step, solver
from benchmarks.problem import Problem


def prepare(problem: Problem) -> Contender:
    """Our layer, ready to be timed."""
    layer, lengths = problem.layer, problem.lengths
    if problem.setting.case.kind == "streaming":
        return _stream(problem, None)
    if problem.setting.case.kind == "cell":
        return one_step(problem, layer)
    return solver(problem, lambda x: layer(x, lengths=lengths)[0], problem.parameters)


def prepare_recording(problem: Problem) -> Contender:
    """Our layer, recording every gate and state of every step."""

    def forward(x: Tensor) -> Tensor:
        output = problem.layer.trace(x).output
        assert isinstance(output, Tensor)
        return output

    return solver(problem, forward, problem.parameters)


def prepare_int8(problem: Problem) -> Contender:
    """Streaming steps with weights in int8."""
    return _stream(problem, "int8")


def _stream(problem: Problem, weights: Literal["int8"] | None) -> Contender:
    """One step a call, the state carried from call to call."""
    stepper, x = problem.layer.stepper(problem.x.shape[1], weights=weights), problem.x[0]
    return Contender(lambda: stepper(x), lambda output: {"output": output.clone()})
