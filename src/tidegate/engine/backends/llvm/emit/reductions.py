"""Means over the units, which `normalize` and its derivative are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, V
from tidegate.engine.backends.llvm.emit.pointwise import load

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.emit.kernel import Kernel


def take_means(kernel: Kernel, k: int, t: V, n: V, active: V) -> None:
    """Take a stage's means, each over the H units of a row that earlier stages made or that was given.

    A mean is left in the row's scratch memory, in every lane of its first vector. Whoever runs the stage takes all
    means of the rows it works on, whichever of their units are its own; all find the same bits.
    """
    e, b = kernel.e, kernel.e.b
    means = kernel.stages[k].means
    if not means:
        return
    units = kernel.number("units")
    whole = b.sub(units, b.urem(units, e.i64(e.lanes)))
    sums = [e.variable(e.vector) for _ in means]

    def one(q: V) -> None:
        row = e.load_i64(active, q)
        for total in sums:
            e.store(e.const(0.0), total)

        def add(unit: V) -> None:
            for number, total in zip(means, sums, strict=True):
                e.store(b.fadd(e.load(total), _operand(kernel, number, t, row, unit)), total)

        e.loop(whole, add, step=e.lanes)
        with b.if_then(b.icmp_signed("<", whole, units)):
            lanes = ir.Constant(ir.VectorType(I32, e.lanes), list(range(e.lanes)))
            inside = b.icmp_signed("<", lanes, e.splat(b.trunc(b.sub(units, whole), I32), lanes.type))
            for number, total in zip(means, sums, strict=True):  # what stands in padded units is not zero
                last = b.select(inside, _operand(kernel, number, t, row, whole), e.const(0.0))
                e.store(b.fadd(e.load(total), last), total)
        count = e.splat(b.sitofp(units, e.real), e.vector)
        for number, total in zip(means, sums, strict=True):
            e.store(b.fdiv(_over_lanes(kernel, e.load(total)), count), kernel.scratch(number, row))

    e.loop(n, one)


def _operand(kernel: Kernel, number: int, t: V, row: V, unit: V) -> V:
    return load(kernel, kernel.program.values[number].args[0], t, row, unit)


def _over_lanes(kernel: Kernel, vector: V) -> V:
    """The sum of all lanes in every lane, by halves."""
    e, b = kernel.e, kernel.e.b
    half = e.lanes // 2
    while half:
        # Lane j takes lane j ^ half, so that all lanes add the same two numbers.
        turned = ir.Constant(ir.VectorType(I32, e.lanes), [j ^ half for j in range(e.lanes)])
        vector = b.fadd(vector, b.shuffle_vector(vector, vector, turned))
        half //= 2
    return vector
