"""Newton's method over time, for cells that are not affine in their states: how many iterations it takes.

A run is the solution of s_t = f(s_{t-1}, x_t) for all t at once (DEER; Lim et al. 2023, "Parallelizing non-linear
sequential models over the sequence length"). From a guess s' of all states each iteration solves the equations
linearised there, s_t = J_t s_{t-1} + f(s'_{t-1}) - J_t s'_{t-1}, which is a scan if J_t is diagonal. For cells with
recurrent products it is not: its diagonal is taken for it (a quasi-Newton method; Gonzalez et al. 2024, "Towards
scalable and stable parallelization of nonlinear RNNs").

``python -m benchmarks.newton_in_time`` prints how many iterations each cell needs to be within 1e-5 of the loop, how
many operations that takes (the loop of the reference takes five and more for each step), and the processor time over
that of the loop and of the CPU kernels. LOG.md says what came of it.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode

import tidegate
from tidegate.cells import CELLS, Cell
from tidegate.engine import Weights, program, run
from tidegate.engine.kernels.scan import scan
from tidegate.engine.program.adjoint import adjoint
from tidegate.engine.program.affine import affine_states
from tidegate.engine.program.program import ACROSS_UNITS

WITHIN, MOST = 1e-5, 200
TRAINED = ("lstm", "gru", "ugrnn")  # cells with products that are measured too, with the diagonal of their Jacobian


def has_diagonal_jacobian(cell: Cell) -> bool:
    """Whether a hidden unit's states depend on its own past alone, by the backward step of the cell."""
    step = program(cell)
    values = adjoint(step, tuple(cell.states)).program
    reached, waiting = set[int](), [*values.states.values()]
    while waiting:
        number = waiting.pop()
        if number not in reached:
            reached.add(number)
            waiting.extend(values.values[number].args)
    return not any(values.values[number].op in ACROSS_UNITS for number in reached)


class _Products:
    """``r`` of a cell: products of all steps at once, which are leaves for the derivative."""

    def __init__(self, products: dict[str, Tensor]):
        vars(self).update(products)


def step_and_diagonal(
    cell: Cell, gate_inputs: dict[str, Tensor], weights: Weights, before: Sequence[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """Return, for each state, f and the diagonal of its derivative by itself, for all steps at once."""
    leaves = [s.detach().requires_grad_() for s in before]
    products: dict[str, Tensor] = {}
    diagonal: dict[str, Tensor] = {}
    if weights.w_hh is not None:
        rows = weights.w_hh.chunk(len(cell.recurrent_gates))
        biases = weights.b_hh.chunk(len(rows)) if weights.b_hh is not None else [None] * len(rows)
        for gate, u, b in zip(cell.recurrent_gates, rows, biases, strict=True):
            products[gate] = linear(before[0], u, b).detach().requires_grad_()
            diagonal[gate] = u.diagonal()
    symbols: dict[str, Any] = {
        "x": SimpleNamespace(**gate_inputs),
        "r": _Products(products),
        "s": SimpleNamespace(**dict(zip(cell.states, leaves, strict=True))),
        "p": SimpleNamespace(**weights.p),
    }
    new = cell.fn(**{name: symbols[name] for name in cell.arguments}).states
    found = []
    for k, (name, leaf) in enumerate(zip(cell.states, leaves, strict=True)):
        wanted = [leaf, *(products.values() if k == 0 else ())]
        own, *by_product = torch.autograd.grad(new[name].sum(), wanted, retain_graph=True, allow_unused=True)
        total = torch.zeros_like(leaf) if own is None else own
        for gate, part in zip(products, by_product, strict=False):
            total = total + (0 if part is None else part * diagonal[gate])
        found.append((new[name].detach(), total))
    return found


def iterate(cell: Cell, x: Tensor, weights: Weights, exact: Tensor) -> int | None:
    """Return how many iterations bring all outputs within 1e-5 of the loop's, from zero states; None if 200 do not."""
    assert weights.w_ih is not None
    parts = linear(x, weights.w_ih, weights.b_ih).chunk(len(cell.input_gates), -1)
    gate_inputs = dict(zip(cell.input_gates, parts, strict=True))
    states = [torch.zeros_like(exact) for _ in cell.states]
    for count in range(1, MOST + 1):
        before = [torch.cat([torch.zeros_like(s[:1]), s[:-1]]) for s in states]
        found = step_and_diagonal(cell, gate_inputs, weights, before)
        states = [scan(j, f - j * s) for (f, j), s in zip(found, before, strict=True)]
        error = ((states[0] - exact).abs() / exact.abs().clamp(min=1)).max()
        if error <= WITHIN:
            return count
        if not torch.isfinite(error):
            return None
    return None


class Operations(TorchDispatchMode):
    """Counts the operations that are computed: launches, on a GPU."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one."""
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Found:
    """What the iterations took; times in seconds of the processor."""

    count: int | None
    operations: int
    seconds: float
    loop: float
    kernels: float

    def __str__(self) -> str:
        if self.count is None:
            return f"more than {MOST}, or diverges | | | "
        times = f"{self.seconds / self.loop:.1f} | {self.seconds / self.kernels:.1f}"
        return f"{self.count} | {self.operations} | {times}"


def measured(cell: Cell, x: Tensor, weights: Weights) -> Found:
    """Iterate, and run the loop and the kernels on the same numbers."""
    times = []
    exact = x
    for backend in ("reference", "llvm", "llvm"):  # the first run of a kernel compiles it
        start = time.process_time()
        with torch.no_grad():
            exact = run(cell, x, weights, backend=backend).output
        times.append(time.process_time() - start)
    start = time.process_time()
    count = iterate(cell, x, weights, exact)
    seconds = time.process_time() - start
    with Operations() as operations:
        iterate(cell, x, weights, exact)
    return Found(count, operations.count, seconds, times[0], times[2])


def trained(cell: Cell, size: int, steps: int, updates: int) -> tuple[Any, float]:
    """Return a layer trained on the sum of two marked numbers of a sequence (Hochreiter & Schmidhuber 1997).

    Also returns the mean loss of the last updates; that of the mean answer is 0.167.
    """
    layer = tidegate.nn.Recurrent(cell, 2, size)
    head = nn.Linear(size, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], 3e-3)
    losses = [math.nan]
    for _ in range(updates):
        x, target = adding(steps, 32)
        loss = (head(layer(x)[0][-1])[:, 0] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return layer, statistics.mean(losses[-50:])


def adding(steps: int, batch: int) -> tuple[Tensor, Tensor]:
    """Return numbers and marks (T, B, 2), and the sum of the two that are marked."""
    numbers, marks = torch.rand(steps, batch), torch.zeros(steps, batch)
    for half in (slice(0, steps // 2), slice(steps // 2, steps)):
        place = torch.randint(half.start, half.stop, (batch,))
        marks[place, torch.arange(batch)] = 1
    return torch.stack([numbers, marks], -1), (numbers * marks).sum(0)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4096, help="T; default 4096")
    parser.add_argument("--size", type=int, default=64, help="H; default 64")
    parser.add_argument("--updates", type=int, default=2000, help="optimizer steps of the training; default 2000")
    given = parser.parse_args(arguments)
    diagonal = [name for name, cell in CELLS.items() if has_diagonal_jacobian(cell)]
    print(f"the Jacobian is diagonal: {', '.join(diagonal)}")
    print("| | Jacobian | weights | dtype | iterations | operations | time over loop | over kernels |")
    print("|---|---|---|---|---|---|---|---|")
    torch.set_num_threads(1)
    for name, updates in itertools.product([*diagonal, *TRAINED], (0, given.updates)):
        torch.manual_seed(0)
        cell = CELLS[name]
        layer, loss = trained(cell, given.size, min(200, given.steps), updates)
        x, _ = adding(given.steps, 4)
        kind = "affine" if affine_states(program(cell)) else "diagonal" if name in diagonal else "its diagonal"
        for dtype in (torch.float32, torch.float64):
            weights = layer.layer_weights(0, 0).map(lambda t, dtype=dtype: t.detach().to(dtype))
            when, exactness = f"trained, loss {loss:.3f}" if updates else "initial", str(dtype).removeprefix("torch.")
            found = measured(cell, x.to(dtype), weights)
            print(f"| {name} | {kind} | {when} | {exactness} | {found} |", flush=True)


if __name__ == "__main__":
    main()
