"""Prepare a kernel's arguments, run it on all threads, and collect what it wrote.

Buffers have their units padded to whole vectors, so kernels need no special case for the last ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.buffers import empty
from tidegate.engine.backends.llvm.compile import Spec, compiled, registers, vector_bytes
from tidegate.engine.backends.llvm.panels import Packing
from tidegate.engine.backends.llvm.threads import meetable, run_parts
from tidegate.engine.backends.llvm.tiles import KernelSpec
from tidegate.engine.program import Program

WORTH_SHARING = 1 << 15  # numbers from which packing is faster on several threads
FUSED_FROM = 8  # sequences from which the input's product is better done inside the kernel than before it


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

    def run(self, lengths: Tensor | None, threads: int) -> None:
        """Run it, the work shared among threads: units if that is better, else rows, about as many steps for each."""
        slots, spec, batch = self.slots, self.kernel, self.batch
        sharing = threads > 1 and meetable() and shares_units(self, threads)
        parts = max(1, min(threads, self.padded // spec.lanes if sharing else batch))
        slots |= dict(steps=self.steps, batch=batch, descending=int(self.descending), units=self.units)
        slots |= {"padded": self.padded, "sharing units": int(sharing)}
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
        self.note("meeting", 8)
        befores = {v.name for v in spec.program.values if v.op == "before"}
        for name in ["listed", *(f"previous {s}" for s in spec.sequences), *(f"before {s}" for s in befores)]:
            self.note(name, parts * batch)
        launch(spec, slots, parts, self.keep)


def launch(spec: Spec, slots: Mapping[str, int], parts: int, keep: object) -> None:
    """Run compiled code on a table of addresses and whole numbers; ``keep`` is what the addresses belong to."""
    function = compiled(spec)
    table = (ctypes.c_int64 * len(function.table))()
    for name, place in function.table.items():
        table[place] = slots[name]
    run_parts(function, table, parts, keep)


def shares_units(launch: Launch, threads: int) -> bool:
    """Whether threads had better share the units than the rows."""
    return launch.batch < threads


def padded(units: int, lanes: int) -> int:
    """Units rounded up to whole vectors."""
    return -(-units // lanes) * lanes


def kernel_for(
    program: Program, stored: Sequence[tuple[str, int]], dtype: torch.dtype, batch: int, *, fused_input: bool
) -> KernelSpec:
    """What a Program's kernel is to be like."""
    double = dtype == torch.float64
    return KernelSpec(
        program=program,
        stored=tuple(stored),
        double=double,
        fused_input=fused_input,
        few_rows=batch <= 2,
        lanes=vector_bytes() // (8 if double else 4),
        registers=registers(),
    )


def pack(kernel: KernelSpec, matrix: Callable[[str, str], Tensor], units: int, like: Tensor) -> Tensor:
    """All weights of a kernel, in the order in which it reads them.

    For each stage and operand: blocks of units, then the operand's elements, then products, then units.

    Args:
        kernel: which reads them.
        matrix: (op, gate) to a matrix (units, elements), whose units or elements stand side by side.
        units: H.
        like: dtype and device.
    """
    jobs: dict[Packing, list[tuple[Tensor, int, int, int, int]]] = {}
    size = 0
    for stage, tile in zip(kernel.stages, kernel.tiles, strict=True):
        width = tile.blocks * kernel.lanes
        panels = -(-padded(units, kernel.lanes) // width)
        for stream in stage.streams:
            count, elements = len(stream.products), 0
            for n, (_, op, gate) in enumerate(stream.products):
                source = matrix(op, gate)
                elements = source.shape[1]
                if 1 not in source.stride():
                    source = source.contiguous()
                by_units = source.stride(0) == 1 and source.stride(1) != 1
                packing = Packing(kernel.double, by_units, width, kernel.lanes)
                job = (source, size + n * width, count * width, elements * count * width, panels)
                jobs.setdefault(packing, []).append(job)
            size += panels * elements * count * width
    packed = empty(max(1, size), like)
    for packing, some in jobs.items():
        numbers = []
        for source, offset, pitch, apart, panels in some:
            stride = source.stride(1 if packing.along_units else 0)
            target = packed.data_ptr() + offset * packed.element_size()
            numbers += [source.data_ptr(), target, stride, units, source.shape[1], pitch, apart, panels]
        array = (ctypes.c_int64 * len(numbers))(*numbers)
        parts = torch.get_num_threads() if size > WORTH_SHARING else 1
        keep = (array, packed, [source for source, *_ in some])
        launch(packing, {"jobs": ctypes.addressof(array), "count": len(some)}, parts, keep)
    return packed


def pad_units(tensor: Tensor, lanes: int) -> Tensor:
    """A contiguous tensor whose last dimension is whole vectors, zeros in what was added."""
    units = tensor.shape[-1]
    if units == padded(units, lanes):
        return tensor.contiguous()
    room = tensor.new_zeros(*tensor.shape[:-1], padded(units, lanes))
    room[..., :units] = tensor
    return room


def biases(
    kernel: KernelSpec, program: Program, bias: Mapping[tuple[str, str], Tensor], units: int, like: Tensor
) -> list[Tensor]:
    """For each stage, the bias of each accumulator: the sum of those of its parts."""
    result = []
    for stage in kernel.stages:
        room = like.new_zeros(max(1, len(stage.accumulators)), padded(units, kernel.lanes))
        for row, parts in zip(room, stage.parts, strict=False):
            for part in parts:
                value = program.values[part]
                own = bias.get((value.op, value.name))
                if own is not None:
                    row[:units] += own
        result.append(room)
    return result
