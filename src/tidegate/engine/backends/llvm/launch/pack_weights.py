"""A call's weights as its kernels read them: matrices packed into panels, biases added up."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.emit.pack_kernel import PackSpec
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.block_diagonal import windowed
from tidegate.engine.backends.llvm.launch.buffers import empty, shared_zeros
from tidegate.engine.backends.llvm.launch.cores import threads_to_use
from tidegate.engine.backends.llvm.launch.launcher import (
    WORTH_SHARING,
    Launch,
    launch_kernel,
    padded_size,
    whole_numbers,
)
from tidegate.engine.backends.llvm.launch.replay.noting import running
from tidegate.engine.int8 import in_int8
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.arguments import PackArguments, PackJob
from tidegate.engine.weights import Weights

MATRICES = ("input", "recur", "project")  # the operations of a Program that multiply by w_ih, w_hh and w_hr
Matrix = tuple[tuple[int, ...], tuple[int, ...]]  # its shape and strides


@dataclass(frozen=True)
class _PackPlan:
    """How a kernel's weights are packed.

    Attributes:
        size: units of the packed weights (`emit/operands.py`), each of a number's size.
        jobs: for each kernel, its jobs: the matrix, offsets in bytes into it and into the packed weights, and the
            numbers of the `PackJob` after the two addresses.
    """

    size: int
    jobs: tuple[tuple[PackSpec, tuple[tuple[int, int, int, tuple[int, ...]], ...]], ...]


def pack_weights(kernel: KernelSpec, cell: Cell, weights: Weights, like: Tensor) -> Tensor:
    """Return all matrices of a kernel as `_pack` does, or as they were packed before."""
    if weights.packed is None:
        return _pack(kernel, cell, weights, like)

    def pack(given: Weights) -> Tensor:
        with running():
            return _pack(kernel, cell, given, like)

    return weights.packed.get((kernel, cell), pack)


def _pack(kernel: KernelSpec, cell: Cell, weights: Weights, like: Tensor) -> Tensor:
    """Return all matrices of a kernel, in the order in which it reads them.

    For each stage and operand: groups of blocks, then the operand's units, then products, then hidden units.

    Args:
        kernel: what reads them.
        cell: the cell.
        weights: the weights.
        like: a tensor of the dtype and device of the kernel's numbers.
    """
    given = [weights.w_ih, weights.w_hh, weights.w_hr]
    if kernel.operands:
        given = [None if matrix is None else matrix.to(torch.bfloat16) for matrix in given]
    matrices = [_by_rows_or_columns(matrix) for matrix in given]
    blocks = _blocks(kernel) if kernel.heads else ()
    for op, span in blocks:
        transposed = op.endswith("_transposed")
        w_hh = given[1]
        assert w_hh is not None
        matrices.append(windowed(w_hh, len(cell.recurrent_gates), cell.heads, span, transposed=transposed))
    plan = _pack_plan(kernel, cell, tuple(None if m is None else (m.shape, m.stride()) for m in matrices))
    packed = empty(max(1, plan.size), like)
    base, parts = packed.data_ptr(), threads_to_use() if plan.size > WORTH_SHARING else 1
    starts = [0 if m is None else m.data_ptr() for m in matrices]
    for spec, jobs in plan.jobs:
        numbers: list[int] = []
        for matrix, source, target, rest in jobs:
            numbers += (starts[matrix] + source, base + target, *rest)
        array = whole_numbers(numbers)
        given = PackArguments(ctypes.addressof(array), len(jobs))
        launch_kernel(spec, given, parts, (array, packed, matrices))
    return packed


def pack_int8(kernel: KernelSpec, cell: Cell, weights: Weights, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return matrices rounded to int8, as `pack_weights` orders them, and the scales of their rows likewise."""
    given = {name: getattr(weights, name) for name in ("w_ih", "w_hh", "w_hr")}
    found = {name: in_int8(matrix) for name, matrix in given.items() if matrix is not None}
    whole = replace(weights, **{name: number.to(like.dtype) for name, (number, _) in found.items()})
    scales = replace(weights, **{name: scale for name, (_, scale) in found.items()})
    packed = _pack(kernel, cell, whole, like).to(torch.int8)
    return packed, _pack(replace(kernel, heads=False), cell, scales, like)


@functools.lru_cache(maxsize=256)
def _blocks(kernel: KernelSpec) -> tuple[tuple[str, int], ...]:
    """Return the operations by block-diagonal matrices, each with the hidden units of a group of its stage."""
    found = {
        (op, kernel.span(n)): None
        for n, stage in enumerate(kernel.stages)
        for stream in stage.streams
        for _, op, _ in stream.products
        if kernel.in_blocks(stream)
    }
    return tuple(found)


def _by_rows_or_columns(matrix: Tensor | None) -> Tensor | None:
    return matrix if matrix is None or 1 in matrix.stride() else matrix.contiguous()


@functools.lru_cache(maxsize=1024)
def _pack_plan(kernel: KernelSpec, cell: Cell, matrices: tuple[Matrix | None, ...]) -> _PackPlan:
    gates = {"input": cell.input_gates, "recur": cell.recurrent_gates, "project": ("h",)}
    size, start = 0, 0
    itemsize, in_unit = (2, 2) if kernel.operands else (kernel.itemsize, 1)  # bytes of an element, elements of a unit
    jobs: dict[PackSpec, list[tuple[int, int, int, tuple[int, ...]]]] = {}
    blocks = _blocks(kernel) if kernel.heads else ()
    for n, stage in enumerate(kernel.stages):
        width = kernel.span(n)
        for stream in stage.streams:
            count, in_blocks = len(stream.products), kernel.in_blocks(stream)
            for number, (_, op, gate) in enumerate(stream.products):
                which = op.removesuffix("_transposed")
                place = len(MATRICES) + blocks.index((op, width)) if in_blocks else MATRICES.index(which)
                found = matrices[place]
                assert found is not None
                (rows, hidden_stride), (elements, element_stride) = zip(*found, strict=True)
                hidden = rows // len(gates[which])
                first = gates[which].index(gate) * hidden * hidden_stride
                if op.endswith("_transposed") and not in_blocks:
                    hidden, hidden_stride, elements, element_stride = elements, element_stride, hidden, hidden_stride
                along_hidden = hidden_stride == 1 and elements > 1
                panels, panel_size = -(-hidden // width), -(-elements // in_unit) * count * width
                if number == 0:
                    start, size = size, size + panels * panel_size
                job = PackJob(
                    source=first * itemsize,
                    target=(start + number * width) * kernel.itemsize,
                    stride=element_stride if along_hidden else hidden_stride,
                    hidden=hidden,
                    elements=elements,
                    pitch=count * width,
                    panel_size=panel_size,
                    panels=panels,
                )
                spec = PackSpec(kernel.double, kernel.operands, along_hidden, width, kernel.lanes)
                jobs.setdefault(spec, []).append((place, job.source, job.target, job[2:]))
    return _PackPlan(size, tuple((spec, tuple(of_spec)) for spec, of_spec in jobs.items()))


def set_biases(launch: Launch, cell: Cell, weights: Weights | None, outputs: int, like: Tensor) -> None:
    """Set, for each stage, the bias of each accumulator: the sum of the biases of its parts.

    Args:
        launch: the kernel's arguments; the sums are computed before it runs.
        cell: the cell.
        weights: the weights with the biases; None if there are none.
        outputs: R, of a projected output.
        like: a tensor of the right dtype and device.
    """
    both = (weights.b_ih, weights.b_hh) if weights else (None, None)
    given = [None if b is None else b.contiguous() for b in both]
    launch.keep_alive.append(given)
    starts = [0 if b is None else b.data_ptr() for b in given]
    for slot, rows, width, sums in _bias_sums(
        launch.kernel, cell, launch.hidden, outputs, *(b is not None for b in both)
    ):
        room = empty((rows, width), like) if sums else shared_zeros(rows * width, like)
        launch.set_tensor(slot, room)
        target = room.data_ptr()
        addresses = (*starts, target, 0)
        for (one, at), (other, other_at), row, size in sums:
            launch.copy(addresses[one] + at, target + row, 1, size, width, addresses[other] + other_at)


Place = tuple[int, int]  # one of b_ih, b_hh, the result or none, and an offset into it in bytes
NONE = (3, 0)


@functools.lru_cache(maxsize=1024)
def _bias_sums(
    kernel: KernelSpec, cell: Cell, hidden: int, outputs: int, of_input: bool, recurrent: bool
) -> list[tuple[str, int, int, list[tuple[Place, Place, int, int]]]]:
    """For each stage: the argument, its rows and their width, and the sums: two addends, the row, the size."""
    size = hidden * kernel.itemsize
    places = {("input", gate): (0, k * size) for k, gate in enumerate(cell.input_gates) if of_input}
    places |= {("recur", gate): (1, k * size) for k, gate in enumerate(cell.recurrent_gates) if recurrent}
    values = kernel.program.values
    result = []
    for n, stage in enumerate(kernel.stages):
        width = padded_size(outputs if stage.projected else hidden, kernel.lanes)
        sums: list[tuple[Place, Place, int, int]] = []
        for k, parts in enumerate(stage.parts):
            names = [(values[part].op, values[part].name) for part in parts]
            own, row = [places[name] for name in names if name in places], k * width * kernel.itemsize
            first, second, *_ = *own, NONE, NONE
            sums.append((first, second, row, hidden if own else 0))
            sums += [((2, row), more, row, hidden) for more in own[2:]]
        has_bias = any(used for *_, used in sums)
        result.append((arguments.bias(n), max(1, len(stage.parts)), width, sums if has_bias else []))
    return result
