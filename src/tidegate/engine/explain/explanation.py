"""How a call would be run and what it costs, as plain data with a readable ``str()``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tidegate.drawing.html import preformatted_html, table_html
from tidegate.engine.explain.kernel_plans import GPUKernelPlan, KernelPlan, count, fill


@dataclass(frozen=True)
class BackendPlan:
    """How a backend would run a call.

    Attributes:
        kernels: the forward one, and the backward one when training.
        saved_bytes: bytes saved for backward, the output included.
    """

    kernels: tuple[KernelPlan | GPUKernelPlan, ...]
    saved_bytes: int


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of a call over all valid steps of all sequences; training counts backward too.

    Attributes:
        recurrent: products with the states and the projection; in backward those with the matrices transposed.
        input: products with the input; in backward those of the input's gradient, if it is wanted.
        weight_gradients: products of the matrices' gradients; 0 without training.
        pointwise: everything else; every operation on a hidden unit counts as one.
    """

    recurrent: int
    input: int
    weight_gradients: int
    pointwise: int

    @property
    def total(self) -> int:
        """The sum of all four."""
        return self.recurrent + self.input + self.weight_gradients + self.pointwise


@dataclass(frozen=True)
class Bytes:
    """Memory of a call.

    Attributes:
        weights: all matrices, biases and other vectors, once.
        input: x, padding included.
        output: the first state at every step, padding included, and the final states.
        saved: bytes held for backward at once, the output included; 0 without training.
        moved: the least that must be read from and written to memory, the sum of all passes.
    """

    weights: int
    input: int
    output: int
    saved: int
    moved: int


@dataclass(frozen=True)
class Peaks:
    """Peak performance of the machine.

    Attributes:
        flops: floating-point operations per second.
        bandwidth: bytes per second between memory and processor.
        threads: the number of threads it was measured with, or 0 if not known.
    """

    flops: float
    bandwidth: float
    threads: int = 0

    def __str__(self) -> str:
        threads = f", {count(self.threads, 'thread')}" if self.threads else ""
        return f"machine: {_number(self.flops)}FLOP/s, {_number(self.bandwidth)}B/s{threads}"


@dataclass(frozen=True)
class Explanation:
    """How one run of a cell would be done and what it costs; ``str()`` gives a text of at most 80 columns.

    Attributes:
        cell: the cell's name.
        steps: T.
        batch: B.
        input_size: I.
        hidden_size: H.
        training: whether backward is counted.
        backend: the name of the backend that was chosen.
        note: what that backend runs, in a few words; empty if it does not say.
        reasons: for every other backend, why it was not chosen.
        kernels: the loops over time, if the backend describes them; empty for the reference.
        flops: operations.
        bytes: memory.
        peaks: the peaks used for the time floor; None if they were not given and cannot be measured.
    """

    cell: str
    steps: int
    batch: int
    input_size: int
    hidden_size: int
    training: bool
    backend: str
    note: str
    reasons: Mapping[str, tuple[str, ...]]
    kernels: tuple[KernelPlan | GPUKernelPlan, ...]
    flops: Flops
    bytes: Bytes
    peaks: Peaks | None

    @property
    def floor(self) -> float | None:
        """The least time in seconds, max(FLOPs / peak, bytes moved / bandwidth); None without peaks.

        A call may take less if some of its memory is already in a cache.
        """
        if self.peaks is None:
            return None
        return max(self.flops.total / self.peaks.flops, self.bytes.moved / self.peaks.bandwidth)

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *([str(self.peaks)] if self.peaks else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the costs as a table, then the text."""
        return costs_html([self.costs()], str(self))

    def costs(self) -> dict[str, str]:
        """Return the line of a table of costs: the backend, FLOPs, bytes and the least time."""
        return {
            "cell": self.cell,
            "backend": self.backend,
            "FLOPs": f"{self.flops.total:,}",
            "bytes moved": f"{self.bytes.moved:,}",
            "bytes saved": f"{self.bytes.saved:,}",
            "takes at least": "-" if self.floor is None else seconds(self.floor),
        }

    def lines(self) -> list[str]:
        """The lines of the text, without the one on the machine."""
        what, note = "training" if self.training else "inference", f" ({self.note})" if self.note else ""
        sizes = f"{self.input_size} -> {self.hidden_size} hidden units"
        sizes += f", {count(self.steps, 'step')} x {count(self.batch, 'sequence')}"
        lines = [fill(f"{self.cell} {sizes}, {what}: {self.backend}{note}")]
        lines += [fill(f"  not {name}: {'; '.join(reasons)}") for name, reasons in self.reasons.items()]
        lines += [str(kernel) for kernel in self.kernels]
        f, b = self.flops, self.bytes
        flops = dict(recurrent=f.recurrent, input=f.input)
        flops |= {"weight gradients": f.weight_gradients} if self.training else {}
        lines.append(fill(f"  FLOPs: {_listed(flops | dict(pointwise=f.pointwise))}"))
        memory = dict(weights=b.weights, input=b.input, output=b.output)
        memory |= {"saved for backward": b.saved} if self.training else {}
        lines.append(fill(f"  bytes: {_listed(memory | dict(moved=b.moved))}"))
        if self.floor is None or self.peaks is None:
            lines.append(fill("  time floor unknown: peaks are measured for the CPU only; pass peaks="))
        else:
            both = (f.total / self.peaks.flops, b.moved / self.peaks.bandwidth)
            parts = f"FLOPs {_number(both[0])}s, bytes {_number(both[1])}s"
            lines.append(fill(f"  takes at least {_number(self.floor)}s ({parts})"))
        return lines


def costs_html(costs: Sequence[Mapping[str, str]], text: str) -> str:
    """Return a table of costs and the text of an explanation as HTML."""
    table = table_html([list(line.values()) for line in costs], list(costs[0]), caption="Explanation")
    return f"<div>{table}{preformatted_html(text)}</div>"


def seconds(value: float) -> str:
    """Format a time: 12.3 ms."""
    return f"{_number(value)}s"


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_number(value).replace(' ', '')}" for name, value in numbers.items())


def _number(value: float) -> str:
    """Format with three digits and a prefix for the unit of measure: 12.3 M."""
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
