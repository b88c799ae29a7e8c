"""Every cell on the device against the reference in float64 on the CPU, over sizes, times, directions and precisions.

How large an error may be follows from the problem: a few times the change of the result when weights, inputs and
states change by as much as the precision rounds, and a few roundings of the result itself; `PEER` times that for
PyTorch's own layers. Sizes are of norms.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from benchmarks.gpu.compare import PEER
from benchmarks.gpu.parts import correct_runs, correct_steps
from benchmarks.gpu.precisions import PRECISIONS, Precision, computing
from benchmarks.gpu.session import Session
from benchmarks.layers import own_cell
from tidegate.cells import CELLS, Cell
from tidegate.engine import Record, Weights, dispatch, run
from tidegate.errors import BackendError, ParityError

ALL: dict[str, Cell] = {**CELLS, own_cell.name: own_cell}
TINY = ("lstm", "min_gru")
SAMPLES, MULTIPLE, ROUNDINGS = 3, 3, 2
Named = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """One run: T steps of B sequences, I input features, H hidden units, and the facts of time."""

    T: int
    B: int
    I: int
    H: int
    lengths: bool = False
    resets: bool = False
    reverse: bool = False
    every: int = 0

    def __str__(self) -> str:
        flags = ("lengths", "resets", "reverse")
        words = [f"{self.B}x{self.T}x{self.H}", *(flag for flag in flags if getattr(self, flag))]
        return "-".join(words + [f"record{self.every}"] * bool(self.every))


CASES = (
    Case(7, 5, 3, 33, lengths=True, resets=True),
    Case(13, 3, 5, 65, lengths=True, reverse=True, every=3),
    Case(1, 1, 1, 1, every=1),
    Case(21, 70, 64, 200),
    Case(9, 17, 9, 130, resets=True, reverse=True, every=1),
)


def run_part(session: Session) -> None:
    """Check how layers run and step, then every cell in every precision in the first case, and so on."""
    correct_runs.run(session)
    correct_steps.run(session)
    cells = TINY if session.tiny else tuple(ALL)
    for case, precision, name in product(CASES[: 1 if session.tiny else None], PRECISIONS, cells):
        session.case(
            f"{name} {case} {precision.name}",
            functools.partial(check, session, name, case, precision),
        )


def check(session: Session, name: str, case: Case, precision: Precision) -> None:
    """Compare every backend that runs the cell with float64; the reference only where nothing else does."""
    exact, near = _exact(name, case), [_exact(name, case, precision.epsilon, k) for k in range(SAMPLES)]
    given = _drawn(name, case)
    default = ""
    for backend in (None, *(it.name for it in dispatch.BACKENDS)):
        if backend in (default, "reference"):
            continue
        try:
            with computing(precision):
                found, used = _results(name, case, given, precision.dtype, session.device, backend)
        except BackendError:
            if backend is None:
                raise
            continue
        default = default or used
        slack = PEER if used == "vendor" else 1.0  # its arithmetic is cuDNN's
        parts = {k: _part_of_budget(precision, k, found, exact, near) / slack for k in exact}
        margin = max(parts.values())
        where = f"{name} {case} {precision.name}"
        session.write({"case": where, "backend": used, "error over allowed": margin, "slack": slack})
        if not margin <= 1:
            wrong = [k for k, part in parts.items() if not part <= 1]
            raise ParityError(f"{used} differs from float64 by {margin:.3g} of what is allowed, in {', '.join(wrong)}")


def _part_of_budget(precision: Precision, name: str, found: Named, exact: Named, near: list[Named]) -> float:
    """Return the error of one result over the error that is allowed; infinity where it is NaN or of another shape."""
    value, got = exact[name], found[name].double().cpu()
    if got.shape != value.shape or not bool(torch.isfinite(got).all()):
        return float("inf")
    moved = max((other[name] - value).norm().item() for other in near)
    size = max(value.norm().item(), value.numel() ** 0.5)
    return (got - value).norm().item() / (MULTIPLE * moved + ROUNDINGS * precision.epsilon * size)


@functools.lru_cache(maxsize=64)
def _drawn(name: str, case: Case) -> Named:
    """Draw what a run is given, in float64: numbers of bfloat16, which every precision has."""
    cell, torch_rng = ALL[name], torch.Generator().manual_seed(sum(name.encode()) + case.T)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return (scale * (2 * torch.rand(shape, generator=torch_rng) - 1)).bfloat16().double()

    T, B, H = case.T, case.B, case.H
    made = {"x": draw(T, B, case.I, scale=2), "w_ih": draw(len(cell.input_gates) * H, case.I)}
    if cell.bias:
        made["b_ih"] = draw(len(cell.input_gates) * H)
    if cell.recurrent_gates:
        made["w_hh"] = draw(len(cell.recurrent_gates) * H, H, scale=1.5 / H**0.5)
        if cell.bias:
            made["b_hh"] = draw(len(cell.recurrent_gates) * H)
    made |= {f"p {parameter}": draw(H) for parameter in cell.parameters}
    # The normaliser of slstm is positive; for the other states it does not matter.
    made |= {f"state {state}": draw(B, H) if state != "n" else 1 + draw(B, H, scale=0.5) for state in cell.states}
    made |= {f"mask {mask}": (1 + draw(T, B, H, scale=0.5)).bfloat16().double() for mask in cell.masks}
    if case.lengths:
        padding = torch.arange(T)[:, None] >= lengths_of(case)
        for value in (made["x"], *(made[f"mask {mask}"] for mask in cell.masks)):
            value[padding] = torch.nan  # whatever padding holds, it has no influence
    return made


def lengths_of(case: Case) -> Tensor:
    """A zero, all steps, and what lies between."""
    return torch.linspace(0, case.T, case.B).long().flip(0)


def _results(
    name: str, case: Case, given: Named, dtype: torch.dtype, device: torch.device | str, backend: str | None
) -> tuple[dict[str, Tensor], str]:
    """Return outputs, final states and records, and the gradients of all that was given, and the backend's name."""
    cell = ALL[name]
    leaves = {k: v.to(device, dtype).requires_grad_(not k.startswith("mask")) for k, v in given.items()}
    flags = torch.arange(case.T * case.B).reshape(case.T, case.B) % 3 == 1
    result = run(
        cell,
        leaves["x"],
        Weights(
            w_ih=leaves["w_ih"],
            w_hh=leaves.get("w_hh"),
            b_ih=leaves.get("b_ih"),
            b_hh=leaves.get("b_hh"),
            p={parameter: leaves[f"p {parameter}"] for parameter in cell.parameters},
        ),
        [leaves[f"state {state}"] for state in cell.states],
        lengths=lengths_of(case).to(device) if case.lengths else None,
        reset=flags.to(device) if case.resets else None,
        reverse=case.reverse,
        record=Record(cell.recorded, case.every) if case.every else None,
        masks={mask: leaves[f"mask {mask}"] for mask in cell.masks},
        backend=backend,
    )
    found = {"output": result.output, **{f"recorded {k}": v for k, v in result.record.items()}}
    found |= {f"final {state}": value for state, value in zip(cell.states, result.state, strict=True)}
    drawn = torch.Generator().manual_seed(1)
    cotangents = [
        (2 * torch.rand(value.shape, generator=drawn) - 1).bfloat16().to(device, value.dtype)
        for value in found.values()
    ]
    wanted = {k: leaf for k, leaf in leaves.items() if leaf.requires_grad}
    # One loss, not a gradient for each result: some results need none, such as the time of a phased LSTM.
    loss = sum((cotangent * value).sum() for cotangent, value in zip(cotangents, found.values(), strict=True))
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    for (k, leaf), gradient in zip(wanted.items(), gradients, strict=True):
        found[f"gradient of {k}"] = torch.zeros_like(leaf) if gradient is None else gradient
    return {k: v.detach() for k, v in found.items()}, result.backend


@functools.lru_cache(maxsize=1024)
def _exact(name: str, case: Case, epsilon: float = 0.0, seed: int = 0) -> Named:
    """Return the reference's results in float64, of numbers changed by ``epsilon`` of themselves."""
    drawn = torch.Generator().manual_seed(seed)
    near = {
        k: v if k.startswith("mask") else v * (1 + epsilon * (2 * torch.rand(v.shape, generator=drawn) - 1))
        for k, v in _drawn(name, case).items()
    }
    return _results(name, case, near, torch.float64, "cpu", "reference")[0]
