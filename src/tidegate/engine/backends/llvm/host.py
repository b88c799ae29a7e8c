"""Prepare a kernel's arguments, run it on all threads, and collect what it wrote.

Buffers have their units padded to whole vectors, so kernels need no special case for the last ones.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.compile import Compiled, compiled, registers, vector_bytes
from tidegate.engine.backends.llvm.threads import run_shares
from tidegate.engine.backends.llvm.tiles import Spec
from tidegate.engine.program import Program

FUSED_FROM = 8  # sequences from which the input's product is better done inside the kernel than before it


@dataclass
class Launch:
    """One call of a kernel.

    Attributes:
        kernel: what to call.
        steps: T.
        batch: B.
        units: H.
        descending: whether time runs down.
        slots: the table's entries by name.
        keep: tensors that must live until the call is over.
    """

    kernel: Compiled
    steps: int
    batch: int
    units: int
    descending: bool
    slots: dict[str, int] = field(default_factory=dict)
    keep: list[Tensor] = field(default_factory=list)

    @property
    def padded(self) -> int:
        """H, rounded up to whole vectors."""
        return padded(self.units, self.kernel.lanes)

    def give(self, name: str, tensor: Tensor, offset: int = 0) -> None:
        """Let the kernel have a tensor's memory, from an element on."""
        self.keep.append(tensor)
        self.slots[name] = tensor.data_ptr() + offset * tensor.element_size()

    def run(self, lengths: Tensor | None, threads: int) -> None:
        """Run it, the rows shared among threads so that each has about as many steps to do."""
        slots = self.slots
        slots |= dict(steps=self.steps, batch=self.batch, descending=int(self.descending))
        slots |= dict(units=self.units, padded=self.padded)
        table = (ctypes.c_int64 * len(self.kernel.table))()
        for name, place in self.kernel.table.items():
            table[place] = slots[name]
        order = list(range(self.batch))
        if lengths is not None:
            order.sort(key=lengths.tolist().__getitem__, reverse=True)
        shares = []
        for n in range(min(threads, self.batch)):
            rows = sorted(order[n::threads])
            shares.append(((ctypes.c_int64 * len(rows))(*rows), len(rows), (ctypes.c_int64 * len(rows))()))
        # The kernel's memory is this launch's: a thread of its own keeps it alive should an interrupt end this call.
        run_shares(self._call, self.kernel.together, table, shares)

    def _call(self, *args: Any) -> None:
        self.kernel.call(*args)


def padded(units: int, lanes: int) -> int:
    """Units rounded up to whole vectors."""
    return -(-units // lanes) * lanes


def kernel_for(
    program: Program, stored: Sequence[tuple[str, int]], dtype: torch.dtype, batch: int, *, fused_input: bool
) -> Compiled:
    """The kernel for a Program, compiled on first use."""
    double = dtype == torch.float64
    spec = Spec(
        program=program,
        stored=tuple(stored),
        double=double,
        fused_input=fused_input,
        few_rows=batch <= 2,
        lanes=vector_bytes() // (8 if double else 4),
        registers=registers(),
    )
    return compiled(spec)


def pack(kernel: Compiled, matrix: Callable[[str, str], Tensor], units: int, like: Tensor) -> Tensor:
    """All weights of a kernel, in the order in which it reads them.

    For each stage and operand: blocks of units, then the operand's elements, then products, then units.

    Args:
        kernel: which reads them.
        matrix: (op, gate) to a matrix (units, elements).
        units: H.
        like: dtype and device.
    """
    parts = []
    for stage, tile in zip(kernel.stages, kernel.tiles, strict=True):
        span = tile.blocks * kernel.lanes
        groups = -(-padded(units, kernel.lanes) // span)
        for stream in stage.streams:
            matrices = torch.stack([matrix(op, gate) for _, op, gate in stream.products])
            count, _, elements = matrices.shape
            room = like.new_zeros(count, groups * span, elements) if groups * span != units else matrices
            if room is not matrices:
                room[:, :units] = matrices
            parts.append(room.view(count, groups, span, elements).permute(1, 3, 0, 2).reshape(-1))
    return torch.cat(parts) if len(parts) > 1 else parts[0] if parts else like.new_zeros(1)


def pad_units(tensor: Tensor, lanes: int) -> Tensor:
    """A contiguous tensor whose last dimension is whole vectors, zeros in what was added."""
    units = tensor.shape[-1]
    if units == padded(units, lanes):
        return tensor.contiguous()
    room = tensor.new_zeros(*tensor.shape[:-1], padded(units, lanes))
    room[..., :units] = tensor
    return room


def biases(
    kernel: Compiled, program: Program, bias: Mapping[tuple[str, str], Tensor], units: int, like: Tensor
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
