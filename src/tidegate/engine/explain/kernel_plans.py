"""What a backend says of its kernels, as plain data with a readable ``str()``."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

WIDTH = 80


@dataclass(frozen=True)
class StagePlan:
    """One pass of a kernel over the hidden units, at every step.

    Attributes:
        products: matrix products (in forward, one for each gate and operand).
        accumulators: sums of products.
        reductions: means, sums and the like over the hidden units, computed before the pass.
        pointwise: pointwise operations on each hidden unit.
    """

    products: int
    accumulators: int
    reductions: int
    pointwise: int

    def __str__(self) -> str:
        parts = [f"{count(self.products, 'product')} into {count(self.accumulators, 'accumulator')}"]
        parts = (parts if self.products else []) + ([count(self.reductions, "reduction")] if self.reductions else [])
        return ", ".join([*parts, f"{self.pointwise} pointwise"])


@dataclass(frozen=True)
class TiledStagePlan(StagePlan):
    """One pass of a CPU kernel, whose products are summed in registers tile by tile.

    Attributes:
        rows: sequences of a tile, at most.
        blocks: vectors of hidden units of a tile.
        chains: partial sums of each accumulator.
    """

    rows: int
    blocks: int
    chains: int


@dataclass(frozen=True)
class KernelPlan:
    """A loop over time on a CPU.

    Attributes:
        name: "forward" or "backward".
        input: where the product with the input (in backward: for its gradient) is computed: "inside" the loop,
            "outside" of it as one large product, or "none".
        shared: what the work is divided by among threads: "rows" (the sequences of the batch) or "hidden units".
        threads: the number of threads that have work.
        lanes: numbers in a vector register.
        stages: the passes of a step.
        operands: the dtype of what products multiply, if it is not that of all other numbers.
    """

    name: str
    input: str
    shared: str
    threads: int
    lanes: int
    stages: tuple[TiledStagePlan, ...]
    operands: str = ""

    def __str__(self) -> str:
        who = "1 thread" if self.threads == 1 else f"{self.threads} threads share the {self.shared}"
        products = f"; products in {self.operands}" if self.operands else ""
        lines = [fill(f"  {self.name} kernel: {who}; {_input_product(self.name, self.input)}{products}")]
        for n, stage in enumerate(self.stages, 1):
            tile = f"; tile {count(stage.rows, 'row')} x {count(stage.blocks, 'vector')} of {self.lanes}"
            tile += f", {count(stage.chains, 'chain')}"
            lines.append(fill(f"    stage {n}: {stage}{tile if stage.products else ''}"))
        return "\n".join(lines)


@dataclass(frozen=True)
class GPUKernelPlan:
    """A loop over time on a GPU: programs that run all steps of some hidden units of some rows.

    Attributes:
        name: "forward" or "backward".
        input: where the product with the input (in backward: for its gradient) is computed: "outside" the loop as one
            large product, or "none".
        units: hidden units of a program.
        rows: sequences of a program.
        programs: how many divide the hidden units, and how many the rows.
        launches: how many launches there are, one after another: programs that wait must all run at once.
        waits: how often in a step programs of the same rows wait for one another.
        weights: whether the matrices of a program stay "in registers" for all steps, or are read "in pieces" at every
            step; empty if the loop has no products with matrices.
        stages: the passes of a step.
    """

    name: str
    input: str
    units: int
    rows: int
    programs: tuple[int, int]
    launches: int
    waits: int
    weights: Literal["in registers", "in pieces", ""]
    stages: tuple[StagePlan, ...]

    def __str__(self) -> str:
        across, groups = self.programs
        who = f"{count(across * groups, 'program')} of {count(self.units, 'hidden unit')} x {count(self.rows, 'row')}"
        who += f" in {self.launches} launches" if self.launches > 1 else ""
        waits = f"{count(self.waits, 'wait')} a step" if self.waits else "no waits"
        weights = [f"weights {self.weights}"] if self.weights else []
        parts = [who, waits, *weights, _input_product(self.name, self.input)]
        lines = [fill(f"  {self.name} kernel: {'; '.join(parts)}")]
        lines += [fill(f"    stage {n}: {stage}") for n, stage in enumerate(self.stages, 1)]
        return "\n".join(lines)


def _input_product(kernel: str, place: str) -> str:
    what = "input's product" if kernel == "forward" else "gradient of the input"
    return f"no {what}" if place == "none" else f"{what} {place} the loop"


def fill(line: str) -> str:
    """Break a line of a text, with the rest indented."""
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def count(number: int, what: str) -> str:
    """Return a number with its noun: 2 rows."""
    return f"{number} {what}{'' if number == 1 else 's'}"
