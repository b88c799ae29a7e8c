"""A call's weights as its kernels read them: matrices in panels, biases added up."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.buffers import empty, nothing
from tidegate.engine.backends.llvm.host import WORTH_SHARING, Launch, launch, padded
from tidegate.engine.backends.llvm.panels import Packing
from tidegate.engine.backends.llvm.tiles import KernelSpec
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
        array = (ctypes.c_int64 * len(numbers))(*numbers)
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
    kernel, units = launch.kernel, launch.units
    given = [None if b is None else b.contiguous() for b in ((weights.b_ih, weights.b_hh) if weights else (None, None))]
    starts = [0 if b is None else b.data_ptr() for b in given]
    launch.keep.append(given)
    parts = _bias_parts(kernel, cell, given[0] is not None, given[1] is not None)
    for n, (stage, sums) in enumerate(zip(kernel.stages, parts, strict=True)):
        width = padded(outputs if stage.projected else units, kernel.lanes)
        if not any(sums):
            launch.give(f"bias {n}", nothing(max(1, len(sums)) * width, like))
            continue
        room = empty((len(sums), width), like)
        launch.give(f"bias {n}", room)
        to = room.data_ptr()
        for own in sums:
            sources = [starts[which] + k * units * kernel.itemsize for which, k in own]
            first, second, *_ = *sources, 0, 0
            launch.copy(first, to, 1, units if sources else 0, width, second)
            for other in sources[2:]:
                launch.copy(to, to, 1, units, width, other)
            to += width * kernel.itemsize


@functools.lru_cache(maxsize=1024)
def _bias_parts(kernel: KernelSpec, cell: Cell, of_input: bool, recurrent: bool) -> list[list[list[tuple[int, int]]]]:
    """For each stage and accumulator: whether a bias is b_hh's and not b_ih's, and the number of its gate."""
    places = {("input", gate): (0, k) for k, gate in enumerate(cell.input_gates) if of_input}
    places |= {("recur", gate): (1, k) for k, gate in enumerate(cell.recurrent_gates) if recurrent}
    values = kernel.program.values
    own = [[[(values[k].op, values[k].name) for k in parts] for parts in stage.parts] for stage in kernel.stages]
    return [[[places[part] for part in parts if part in places] for parts in stage] for stage in own]
