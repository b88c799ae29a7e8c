"""Solvers of a problem, ready to be timed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import Timer, timer
from benchmarks.problem import Problem


@dataclass(frozen=True)
class Contender:
    """A solver of a problem, ready to be timed.

    Attributes:
        run: solve it once; only this is timed, and it returns when everything is computed.
        results: convert the result of ``run`` to tensors by our names, "output" and "gradient of ..."; not timed.
        elsewhere: what times a number of calls where they run, if that is another process.
        note: what the report says of it.
    """

    run: Callable[[], Any]
    results: Callable[[Any], dict[str, Tensor]]
    elsewhere: Timer | None = None
    note: str = ""

    @property
    def seconds(self) -> Timer:
        """What times a number of calls."""
        return self.elsewhere or timer(self.run)


def solver(
    problem: Problem,
    forward: Callable[[Tensor], Tensor],
    parameters: dict[str, Tensor],
    *,
    x: Tensor | None = None,
    cotangent: Tensor | None = None,
    padded: Callable[[Tensor], Tensor] = lambda value: value,
) -> Contender:
    """Make a contender with PyTorch: inference, or forward and backward by autograd.

    Args:
        problem: the problem.
        forward: input to output.
        parameters: by our names.
        x: the input in the form that ``forward`` takes, if it differs from the problem's.
        cotangent: the same of the output's gradient.
        padded: from that form to (T, B, ·).
    """
    given = problem.x if x is None else x
    gradient = problem.cotangent if cotangent is None else cotangent

    def inference() -> Tensor:
        with torch.inference_mode():
            return forward(given)

    def training() -> tuple[Tensor, tuple[Tensor, ...]]:
        leaf = given.detach().requires_grad_()
        output = forward(leaf)
        return output, torch.autograd.grad(output, [leaf, *parameters.values()], gradient)

    def results(solved: Any) -> dict[str, Tensor]:
        if problem.setting.mode == "inference":
            return {"output": padded(solved)}
        output, (of_x, *of_parameters) = solved
        found = {"output": padded(output.detach()), "gradient of x": padded(of_x)}
        return found | gradients(dict(zip(parameters, of_parameters, strict=True)))

    return Contender(inference if problem.setting.mode == "inference" else training, results)


def one_step(problem: Problem, cell: nn.Module) -> Contender:
    """Make a contender of a module of one step, ours or torch's, which takes (B, I) and returns its states."""

    def forward(x: Tensor) -> Tensor:
        states = cell(x)
        return states if isinstance(states, Tensor) else states[0]

    return solver(problem, forward, dict(cell.named_parameters()), x=problem.x[0], cotangent=problem.cotangent[0])


def gradients(by_name: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return gradients of parameters by their names in results."""
    return {f"gradient of {name}": value for name, value in by_name.items()}
