"""Prepare a kernel's arguments, run it on all threads, and collect what it wrote.

Buffers have their units padded to whole vectors, so kernels need no special case for the last ones.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.buffers import empty, nothing, zeros
from tidegate.engine.backends.llvm.compile import Compiled, Spec, compiled, registers, vector_bytes
from tidegate.engine.backends.llvm.panels import Packing
from tidegate.engine.backends.llvm.threads import cores, meetable, run_parts
from tidegate.engine.backends.llvm.tiles import APART, KernelSpec
from tidegate.engine.program import Program

WORTH_SHARING = 1 << 15  # numbers from which packing is faster on several threads
ROWS_TO_SHARE = 12  # sequences for each 512 units, below which threads share the units


@dataclass
class Launch:
    """One call of a kernel.

    Attributes:
        kernel: what to run.
        steps: T.
        batch: B.
        units: H.
        descending: whether time runs down.
        slots: the table's entries by name.
        keep: what must live until the call is over.
    """

    kernel: KernelSpec
    steps: int
    batch: int
    units: int
    descending: bool
    slots: dict[str, int] = field(default_factory=dict)
    keep: list[object] = field(default_factory=list)

    @property
    def padded(self) -> int:
        """H, rounded up to whole vectors."""
        return padded(self.units, self.kernel.lanes)

    def give(self, name: str, tensor: Tensor, offset: int = 0) -> None:
        """Let the kernel have a tensor's memory, from an element on."""
        self.keep.append(tensor)
        self.slots[name] = tensor.data_ptr() + offset * tensor.element_size()

    def note(self, name: str, numbers: Sequence[int] | int) -> None:
        """Let the kernel have whole numbers, given or so many of them as room."""
        array = (ctypes.c_int64 * numbers)() if isinstance(numbers, int) else (ctypes.c_int64 * len(numbers))(*numbers)
        self.keep.append(array)
        self.slots[name] = ctypes.addressof(array)

    def split(self, threads: int) -> tuple[bool, int]:
        """Whether threads share the units, and not the rows; and how many of them."""
        together = min(threads, cores()) if meetable() else 1
        sharing = together > 1 and shares_units(self, together)
        return sharing, max(1, min(together, self.padded // self.kernel.lanes) if sharing else min(threads, self.batch))

    def run(self, lengths: Tensor | None, threads: int) -> None:
        """Run it, the work shared among threads: units if that is better, else rows, about as many steps for each."""
        sharing, parts = self.split(threads)
        function, table = self.ready(lengths, parts, sharing=sharing)
        run_parts(function, table, parts, self.keep)

    def ready(self, lengths: Tensor | None, parts: int, *, sharing: bool, turn: int = 0) -> tuple[Compiled, Any]:
        """What to run in so many parts (of the units if they are shared, else of the rows), and its table."""
        slots, spec, batch = self.slots, self.kernel, self.batch
        slots |= dict(steps=self.steps, batch=batch, descending=int(self.descending), units=self.units)
        slots |= {"padded": self.padded, "sharing units": int(sharing), "turn": turn}
        order = list(range(batch))
        if lengths is not None:
            order.sort(key=lengths.tolist().__getitem__, reverse=True)
        shares = [order] if sharing else [sorted(order[n::parts]) for n in range(parts)]
        described = []
        for n, rows in enumerate(shares):
            self.note(f"rows {n}", rows)
            described += [slots[f"rows {n}"], len(rows)]
        self.note("shares", described)
        slots["count of shares"] = len(shares)
        self.note("meeting", 2 * APART)
        slots["meeting"] += 8 * APART
        befores = {v.name for v in spec.program.values if v.op == "before"}
        for name in ["listed", *(f"previous {s}" for s in spec.sequences), *(f"before {s}" for s in befores)]:
            self.note(name, parts * (batch + APART))
        function = compiled(spec)
        return function, table_of(function, slots)


def launch(spec: Spec, slots: Mapping[str, int], parts: int, keep: object) -> None:
    """Run compiled code on a table of addresses and whole numbers; ``keep`` is what the addresses belong to."""
    function = compiled(spec)
    run_parts(function, table_of(function, slots), parts, keep)


def table_of(function: Compiled, slots: Mapping[str, int]) -> Any:
    """The arguments of compiled code, each where it expects it."""
    return (ctypes.c_int64 * len(function.table))(*(slots[name] for name in function.table))


def shares_units(launch: Launch, threads: int) -> bool:
    """Whether threads had better share the units than the rows.

    Each thread reads all weights at every step if it has rows of its own. Where rows are few that is most of the work.
    """
    return launch.batch < max(threads, ROWS_TO_SHARE * launch.units // 512)


def fuses_input(batch: int, units: int) -> bool:
    """Whether the input's product is better done inside the loop over time than before it.

    Inside, its result never goes through memory, but its weights are read at every step.
    """
    return batch >= max(8, units // 32)


def padded(units: int, lanes: int) -> int:
    """Units rounded up to whole vectors."""
    return -(-units // lanes) * lanes


def kernel_for(
    program: Program,
    stored: Sequence[tuple[str, int]],
    dtype: torch.dtype,
    batch: int,
    *,
    fused_input: bool,
    output: str,
    placed: bool = False,
) -> KernelSpec:
    """What a Program's kernel is to be like."""
    return _specification(program, tuple(stored), dtype == torch.float64, fused_input, batch <= 2, output, placed)


@functools.lru_cache(maxsize=1024)
def _specification(
    program: Program,
    stored: tuple[tuple[str, int], ...],
    double: bool,
    fused_input: bool,
    few_rows: bool,
    output: str,
    placed: bool,
) -> KernelSpec:
    lanes = vector_bytes() // (8 if double else 4)
    return KernelSpec(program, stored, double, fused_input, few_rows, lanes, registers(), output, placed)


def pack(kernel: KernelSpec, matrix: Callable[[str, str], Tensor], like: Tensor) -> Tensor:
    """All weights of a kernel, in the order in which it reads them.

    For each stage and operand: blocks of units, then the operand's elements, then products, then units.

    Args:
        kernel: which reads them.
        matrix: (op, gate) to a matrix (units, elements), whose units or elements stand side by side.
        like: dtype and device.
    """
    layout = _layout(kernel)
    sources = [_by_rows_or_columns(matrix(op, gate)) for _, op, gate, _, _ in layout]
    size, start, jobs = 0, -1, {}
    for (number, _, _, width, count), source in zip(layout, sources, strict=True):
        (pitch, _), (units, elements) = source.stride(), source.shape
        along_units = pitch == 1 and elements > 1
        if along_units:
            pitch = source.stride(1)
        if number == 0:
            start, size = size, size + -(-units // width) * elements * count * width
        apart = elements * count * width
        job = (
            source.data_ptr(),
            start + number * width,
            pitch,
            units,
            elements,
            count * width,
            apart,
            -(-units // width),
        )
        jobs.setdefault((along_units, width), []).append(job)
    packed = empty(max(1, size), like)
    base, parts = packed.data_ptr(), torch.get_num_threads() if size > WORTH_SHARING else 1
    for (along_units, width), some in jobs.items():
        numbers = [n for job in some for n in (job[0], base + job[1] * like.element_size(), *job[2:])]
        array = (ctypes.c_int64 * len(numbers))(*numbers)
        packing = Packing(kernel.double, along_units, width, kernel.lanes)
        launch(packing, {"jobs": ctypes.addressof(array), "count": len(some)}, parts, (array, packed, sources))
    return packed


def _by_rows_or_columns(matrix: Tensor) -> Tensor:
    return matrix if 1 in matrix.stride() else matrix.contiguous()


@functools.lru_cache(maxsize=1024)
def _layout(kernel: KernelSpec) -> list[tuple[int, str, str, int, int]]:
    """The matrices in the order in which they are packed: which of a stream's, op, gate, panel's units, how many."""
    return [
        (n, op, gate, tile.blocks * kernel.lanes, len(stream.products))
        for stage, tile in zip(kernel.stages, kernel.tiles, strict=True)
        for stream in stage.streams
        for n, (_, op, gate) in enumerate(stream.products)
    ]


def pad_units(tensor: Tensor, lanes: int) -> Tensor:
    """A contiguous tensor whose last dimension is whole vectors, zeros in what was added."""
    units = tensor.shape[-1]
    if units == padded(units, lanes):
        return tensor.contiguous()
    room = tensor.new_zeros(*tensor.shape[:-1], padded(units, lanes))
    room[..., :units] = tensor
    return room


def biases(
    kernel: KernelSpec,
    names: tuple[tuple[str, str], ...],
    stacked: Tensor | None,
    units: int,
    outputs: int,
    like: Tensor,
) -> list[Tensor]:
    """For each stage, the bias of each accumulator: the sum of those of its parts.

    Args:
        kernel: which adds them.
        names: (op, gate) of each bias.
        stacked: all of them, one after the other, and zeros; None if there are none.
        units: H.
        outputs: R, of a projected output.
        like: dtype and device.
    """
    result = []
    for stage, layers in zip(kernel.stages, _bias_rows(kernel, names), strict=True):
        wide = padded(outputs if stage.projected else units, kernel.lanes)
        if stacked is None:
            room = nothing(max(1, len(stage.accumulators)) * wide, like)
        else:
            room = zeros((max(1, len(stage.accumulators)), wide), like)
            for rows in layers:
                room[:, :units] += stacked.view(-1, units).index_select(0, rows)
        result.append(room)
    return result


@functools.lru_cache(maxsize=1024)
def _bias_rows(kernel: KernelSpec, names: tuple[tuple[str, str], ...]) -> list[list[Tensor]]:
    """For each stage: every accumulator's first bias, second and so on; the row after the last stands for none."""
    result = []
    for stage in kernel.stages:
        values = kernel.program.values
        own = [[(values[k].op, values[k].name) for k in parts] for parts in stage.parts]
        rows = [[names.index(name) for name in some if name in names] for some in own]
        layers = itertools.zip_longest(*rows, fillvalue=len(names))
        result.append([torch.tensor(layer) for layer in layers])
    return result
