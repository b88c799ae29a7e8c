"""Matrix products outside the loop over time, with our own kernel.

It is up to twice as fast as PyTorch's BLAS on machines that this BLAS was not written for, needs no copies of
transposed operands, and its result does not depend on the number of threads.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.emit.gemm import GemmSpec, blocks_for
from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.launch.buffers import empty, scratch, summed
from tidegate.engine.backends.llvm.launch.cores import threads_to_use
from tidegate.engine.backends.llvm.launch.launcher import held, launch_kernel
from tidegate.engine.kernels.arguments import MatmulArguments

WORTH_SHARING = 200_000  # FLOPs from which a second thread pays


def multiply(
    a: Tensor, b: Tensor, out: Tensor | None = None, *, add: bool = False, sums: Tensor | None = None
) -> Tensor:
    """Return the product of A (M, K) and B (K, N); of bfloat16, if one of them is, in float32.

    Args:
        a: A; copied unless one of its strides is 1.
        b: B; copied unless one of its strides is 1.
        out: where to write the result (M, N), with columns adjacent in memory; a new tensor if None.
        add: add to ``out``.
        sums: (M,), to which the sums of A's rows are added; only if A's rows are adjacent in memory.
    """
    operands = held(torch.bfloat16 if torch.bfloat16 in (a.dtype, b.dtype) else a.dtype)
    if operands:
        a, b = a.to(torch.bfloat16), b.to(torch.bfloat16)
    a, b = (t if 1 in t.stride() else t.contiguous() for t in (a, b))
    (rows, elements), columns = a.shape, b.shape[1]
    out = empty((rows, columns), summed(a)) if out is None else out
    if not elements:
        return out if add else out.zero_()
    (a_rows, a_elements), (b_elements, b_columns) = a.stride(), b.stride()
    a_by_rows, b_by_columns = a_elements != 1 or sums is not None, b_columns == 1
    assert not a_by_rows or rows == 1 or a_rows == 1
    double = a.dtype == torch.float64
    lanes = instruction_set().vector_bytes // (8 if double else 4)
    spec = _specification(
        double, operands, a_by_rows, b_by_columns, lanes, blocks_for(columns, lanes, instruction_set().registers)
    )
    threads = threads_to_use() if 2 * rows * elements * columns > WORTH_SHARING else 1
    room = scratch(threads * spec.room, out)
    given = MatmulArguments(
        a=a.data_ptr(),
        b=b.data_ptr(),
        c=out.data_ptr(),
        room=room.data_ptr(),
        sums=0 if sums is None else sums.data_ptr(),
        rows=rows,
        columns=columns,
        elements=elements,
        a_stride=a_elements if a_by_rows else a_rows,
        b_stride=b_elements if b_by_columns else b_columns,
        c_stride=out.stride(0),
        add=int(add),
        by_columns=int(columns > rows),
    )
    launch_kernel(spec, given, threads, (a, b, out, room, sums))
    return out


@functools.lru_cache(maxsize=64)
def _specification(
    double: bool, operands: str, a_by_rows: bool, b_by_columns: bool, lanes: int, blocks: int
) -> GemmSpec:
    return GemmSpec(double, operands, a_by_rows, b_by_columns, lanes, instruction_set().registers, blocks)
