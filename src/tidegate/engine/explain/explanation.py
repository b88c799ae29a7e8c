"""How a call would be run and what it has to cost, as plain data with a readable ``str()``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

WIDTH = 80


@dataclass(frozen=True)
class StagePlan:
    """One pass of a kernel over the units, at every step.

    Attributes:
        products: matrix products (a gate's, in forward).
        accumulators: the sums that the products are gathered in.
        means: means over the units, taken before the pass.
        pointwise: values computed for each unit.
        rows: sequences of a tile, at most; the products of a tile are summed in registers.
        blocks: vectors of units of a tile.
        chains: partial sums of each accumulator.
    """

    products: int
    accumulators: int
    means: int
    pointwise: int
    rows: int
    blocks: int
    chains: int


@dataclass(frozen=True)
class KernelPlan:
    """A loop over time.

    Attributes:
        name: "forward" or "backward".
        input: where the input's product (in backward: its gradient's) is done: "inside" the loop, "outside" of it as
            one large product, or "none".
        shared: what threads share: "rows" (the sequences of the batch) or "units".
        threads: how many have work.
        lanes: units in a vector.
        stages: the passes of a step.
    """

    name: str
    input: str
    shared: str
    threads: int
    lanes: int
    stages: tuple[StagePlan, ...]

    def __str__(self) -> str:
        what = "input's product" if self.name == "forward" else "gradient of the input"
        place = {"inside": f"{what} inside the loop", "outside": f"{what} outside the loop", "none": f"no {what}"}
        who = "1 thread" if self.threads == 1 else f"{self.threads} threads share the {self.shared}"
        lines = [_fill(f"  {self.name} kernel: {who}; {place[self.input]}")]
        for n, stage in enumerate(self.stages, 1):
            parts = [f"{_count(stage.products, 'product')} into {_count(stage.accumulators, 'accumulator')}"]
            parts = (parts if stage.products else []) + ([_count(stage.means, "mean")] if stage.means else [])
            parts += [f"{stage.pointwise} pointwise"]
            tile = f"; tile {_count(stage.rows, 'row')} x {stage.blocks * self.lanes} units"
            tile += f" ({_count(stage.blocks, 'block')} of {self.lanes}), {_count(stage.chains, 'chain')}"
            lines.append(_fill(f"    stage {n}: {', '.join(parts)}{tile if stage.products else ''}"))
        return "\n".join(lines)


@dataclass(frozen=True)
class BackendPlan:
    """What a backend says of how it would run a call.

    Attributes:
        kernels: the forward one, and the backward one when training.
        kept_bytes: what the forward run writes at every step for backward, the output among it.
    """

    kernels: tuple[KernelPlan, ...]
    kept_bytes: int


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of a call over all valid steps of all sequences; training counts backward too.

    Attributes:
        recurrent: products with the states and the projection; in backward those with the matrices transposed.
        input: products with the input; in backward the gradient of the input, if it is wanted.
        weight_gradients: the products that give the matrices' gradients; 0 without training.
        pointwise: everything else, one for each operation on each unit, whatever it is.
    """

    recurrent: int
    input: int
    weight_gradients: int
    pointwise: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.recurrent + self.input + self.weight_gradients + self.pointwise


@dataclass(frozen=True)
class Bytes:
    """Memory of a call.

    Attributes:
        weights: all matrices, biases and per-unit vectors, once.
        input: x, padding included.
        output: the first state at every step, padding included, and the final states.
        kept: what is held for backward at once, the output among it; 0 without training.
        moved: the least that must be read and written, each pass by itself.
    """

    weights: int
    input: int
    output: int
    kept: int
    moved: int


@dataclass(frozen=True)
class Peaks:
    """What the machine can do.

    Attributes:
        flops: floating-point operations per second.
        bandwidth: bytes per second between memory and processor.
        threads: with so many threads, or 0 if that is not known.
    """

    flops: float
    bandwidth: float
    threads: int = 0

    def __str__(self) -> str:
        threads = f", {_count(self.threads, 'thread')}" if self.threads else ""
        return f"machine: {_number(self.flops)}FLOP/s, {_number(self.bandwidth)}B/s{threads}"


@dataclass(frozen=True)
class Explanation:
    """How one run of a cell would be done, and what it has to cost; ``str()`` tells it in at most 80 columns.

    Attributes:
        cell: its name.
        steps: T.
        batch: B.
        inputs: I.
        units: H.
        training: whether backward is counted.
        backend: the name of the backend that was chosen.
        reasons: for every other backend, why it was not.
        kernels: the loops over time, as far as the backend tells; none for the reference.
        flops: operations.
        bytes: memory.
        peaks: what the time floor is figured with; None where they are neither given nor can be measured.
    """

    cell: str
    steps: int
    batch: int
    inputs: int
    units: int
    training: bool
    backend: str
    reasons: Mapping[str, tuple[str, ...]]
    kernels: tuple[KernelPlan, ...]
    flops: Flops
    bytes: Bytes
    peaks: Peaks | None

    @property
    def floor(self) -> float | None:
        """Seconds that the call takes at least: max(FLOPs / peak, bytes moved / bandwidth); None without peaks.

        A call whose memory is in a cache already may do without some of the bytes.
        """
        if self.peaks is None:
            return None
        return max(self.flops.total / self.peaks.flops, self.bytes.moved / self.peaks.bandwidth)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *([str(self.peaks)] if self.peaks else [])])

    def lines(self) -> list[str]:
        """The text without the machine."""
        what = "training" if self.training else "inference"
        sizes = f"{self.inputs} -> {self.units} units, {_count(self.steps, 'step')} x {_count(self.batch, 'sequence')}"
        lines = [_fill(f"{self.cell} {sizes}, {what}: {self.backend}")]
        lines += [_fill(f"  not {name}: {'; '.join(reasons)}") for name, reasons in self.reasons.items()]
        lines += [str(kernel) for kernel in self.kernels]
        f, b = self.flops, self.bytes
        flops = dict(recurrent=f.recurrent, input=f.input)
        flops |= {"weight gradients": f.weight_gradients} if self.training else {}
        lines.append(_fill(f"  FLOPs: {_listed(flops | dict(pointwise=f.pointwise))}"))
        memory = dict(weights=b.weights, input=b.input, output=b.output)
        memory |= {"kept for backward": b.kept} if self.training else {}
        lines.append(_fill(f"  bytes: {_listed(memory | dict(moved=b.moved))}"))
        if self.floor is None or self.peaks is None:
            lines.append(_fill("  time floor unknown: peaks are measured for the CPU only, give peaks="))
        else:
            both = (f.total / self.peaks.flops, b.moved / self.peaks.bandwidth)
            parts = f"FLOPs {_number(both[0])}s, bytes {_number(both[1])}s"
            lines.append(_fill(f"  takes at least {_number(self.floor)}s ({parts})"))
        return lines


def seconds(value: float) -> str:
    """A time for people: 12.3 ms."""
    return f"{_number(value)}s"


def _fill(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_number(value).replace(' ', '')}" for name, value in numbers.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _number(value: float) -> str:
    """Three digits and the prefix of the unit: 12.3 M."""
    for prefix, size in {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}.items():
        if value >= size * 0.9995:
            return f"{_three(value / size)} {prefix}"
    if value == 0 or value >= 1:
        return f"{_three(value)} "
    for prefix, size in {"m": 1e-3, "µ": 1e-6}.items():
        if value >= size * 0.9995:
            return f"{_three(value / size)} {prefix}"
    return f"{_three(value * 1e9)} n"


def _three(value: float) -> str:
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}" if value % 1 else f"{value:.0f}"
