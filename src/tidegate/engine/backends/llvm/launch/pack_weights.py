"""A call's weights as its kernels read them: matrices in panels, biases added up."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.emit.pack_kernel import Packing
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.buffers import empty, nothing
from tidegate.engine.backends.llvm.launch.launcher import WORTH_SHARING, Launch, launch, padded, whole_numbers
from tidegate.engine.weights import Weights

MATRICES = ("input", "recur", "project")  # what a product with w_ih, w_hh or w_hr is called
Matrix = tuple[tuple[int, ...], tuple[int, ...]]  # its shape and strides


@dataclass(frozen=True)
class _Panels:
    """How a kernel's weights are packed.

    Attributes:
        size: how many numbers that makes.
        jobs: for each kernel of packing: (matrix, bytes into it, bytes into the result, the job's other numbers).
    """

    size: int
    jobs: tuple[tuple[Packing, tuple[tuple[int, int, int, tuple[int, ...]], ...]], ...]


def pack(kernel: KernelSpec, cell: Cell, weights: Weights, like: Tensor) -> Tensor:
    """All weights of a kernel, in the order in which it reads them.

    For each stage and operand: blocks of units, then the operand's elements, then products, then units.
    """
    given = [_by_rows_or_columns(matrix) for matrix in (weights.w_ih, weights.w_hh, weights.w_hr)]
    panels = _panels(kernel, cell, tuple(None if m is None else (m.shape, m.stride()) for m in given))
    packed = empty(max(1, panels.size), like)
    base, parts = packed.data_ptr(), torch.get_num_threads() if panels.size > WORTH_SHARING else 1
    starts = [0 if m is None else m.data_ptr() for m in given]
    for packing, jobs in panels.jobs:
        numbers: list[int] = []
        for matrix, source, target, rest in jobs:
            numbers += (starts[matrix] + source, base + target, *rest)
        array = whole_numbers(numbers)
        launch(packing, {"jobs": ctypes.addressof(array), "count": len(jobs)}, parts, (array, packed, given))
    return packed


def _by_rows_or_columns(matrix: Tensor | None) -> Tensor | None:
    return matrix if matrix is None or 1 in matrix.stride() else matrix.contiguous()


@functools.lru_cache(maxsize=1024)
def _panels(kernel: KernelSpec, cell: Cell, matrices: tuple[Matrix | None, ...]) -> _Panels:
    gates = {"input": cell.input_gates, "recur": cell.recurrent_gates, "project": ("h",)}
    size, start = 0, 0
    jobs: dict[Packing, list[tuple[int, int, int, tuple[int, ...]]]] = {}
    for stage, tile in zip(kernel.stages, kernel.tiles, strict=True):
        width = tile.blocks * kernel.lanes
        for stream in stage.streams:
            count = len(stream.products)
            for number, (_, op, gate) in enumerate(stream.products):
                which = op.removesuffix("_transposed")
                found = matrices[MATRICES.index(which)]
                assert found is not None
                (rows, units_pitch), (elements, elements_pitch) = zip(*found, strict=True)
                units = rows // len(gates[which])
                first = gates[which].index(gate) * units * units_pitch
                if op.endswith("_transposed"):
                    units, units_pitch, elements, elements_pitch = elements, elements_pitch, units, units_pitch
                along_units = units_pitch == 1 and elements > 1
                panels, apart = -(-units // width), elements * count * width
                if number == 0:
                    start, size = size, size + panels * apart
                pitch = elements_pitch if along_units else units_pitch
                rest = (pitch, units, elements, count * width, apart, panels)
                packing = Packing(kernel.double, along_units, width, kernel.lanes)
                places = (first * kernel.itemsize, (start + number * width) * kernel.itemsize)
                jobs.setdefault(packing, []).append((MATRICES.index(which), *places, rest))
    return _Panels(size, tuple((packing, tuple(some)) for packing, some in jobs.items()))


def give_biases(launch: Launch, cell: Cell, weights: Weights | None, outputs: int, like: Tensor) -> None:
    """Let a kernel have, for each stage, the bias of each accumulator: the sum of those of its parts.

    Args:
        launch: which adds them.
        cell: whose they are.
        weights: have them; None if there are none.
        outputs: R, of a projected output.
        like: dtype and device.
    """
    both = (weights.b_ih, weights.b_hh) if weights else (None, None)
    given = [None if b is None else b.contiguous() for b in both]
    launch.keep.append(given)
    starts = [0 if b is None else b.data_ptr() for b in given]
    for slot, rows, width, sums in _sums(launch.kernel, cell, launch.units, outputs, *(b is not None for b in both)):
        room = empty((rows, width), like) if sums else nothing(rows * width, like)
        launch.give(slot, room)
        to = room.data_ptr()
        own = (*starts, to, 0)
        for (one, at), (other, other_at), row, units in sums:
            launch.copy(own[one] + at, to + row, 1, units, width, own[other] + other_at)


Place = tuple[int, int]  # in b_ih, in b_hh, in the result, or none; and how many bytes into it
NONE = (3, 0)


@functools.lru_cache(maxsize=1024)
def _sums(
    kernel: KernelSpec, cell: Cell, units: int, outputs: int, of_input: bool, recurrent: bool
) -> list[tuple[str, int, int, list[tuple[Place, Place, int, int]]]]:
    """For each stage: its entry in the table, its rows, their width, and the sums: two addends, the row, its units."""
    size = units * kernel.itemsize
    places = {("input", gate): (0, k * size) for k, gate in enumerate(cell.input_gates) if of_input}
    places |= {("recur", gate): (1, k * size) for k, gate in enumerate(cell.recurrent_gates) if recurrent}
    values = kernel.program.values
    result = []
    for n, stage in enumerate(kernel.stages):
        width = padded(outputs if stage.projected else units, kernel.lanes)
        sums: list[tuple[Place, Place, int, int]] = []
        for k, parts in enumerate(stage.parts):
            names = [(values[part].op, values[part].name) for part in parts]
            own, row = [places[name] for name in names if name in places], k * width * kernel.itemsize
            first, second, *_ = *own, NONE, NONE
            sums.append((first, second, row, units if own else 0))
            sums += [((2, row), more, row, units) for more in own[2:]]
        some = any(used for *_, used in sums)
        result.append((f"bias {n}", max(1, len(stage.parts)), width, sums if some else []))
    return result
