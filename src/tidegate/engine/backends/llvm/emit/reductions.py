"""Means over the hidden units, which `normalize` and its derivative are made of."""

from __future__ import annotations

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.emit.pointwise import load_value
from tidegate.engine.kernels import arguments


def compute_means(frame: Frame, k: int, t: V, n: V) -> None:
    """Compute a stage's means over the H hidden units of each of the n active rows.

    A mean is written to the row's scratch memory, to every lane of its first vector. Threads that divide the hidden
    units each compute all means of a row, with the same bits.
    """
    e, b = frame.e, frame.e.b
    means = frame.spec.stages[k].means
    hidden = frame.number(arguments.HIDDEN)
    whole = b.sub(hidden, b.urem(hidden, e.i64(e.lanes)))
    sums = [e.variable(e.vector) for _ in means]

    def one(q: V) -> None:
        row = e.load_i64(frame.pointer(arguments.ACTIVE), q)
        for total in sums:
            e.store(e.const(0.0), total)

        def add(unit: V) -> None:
            for number, total in zip(means, sums, strict=True):
                e.store(b.fadd(e.load(total), _operand(frame, number, t, row, unit)), total)

        e.loop(whole, add, step=e.lanes)
        with b.if_then(b.icmp_signed("<", whole, hidden)):
            lanes = ir.Constant(ir.VectorType(I32, e.lanes), list(range(e.lanes)))
            inside = b.icmp_signed("<", lanes, e.splat(b.trunc(b.sub(hidden, whole), I32), lanes.type))
            for number, total in zip(means, sums, strict=True):  # padding is not zero
                last = b.select(inside, _operand(frame, number, t, row, whole), e.const(0.0))
                e.store(b.fadd(e.load(total), last), total)
        count = e.splat(b.sitofp(hidden, e.real), e.vector)
        for number, total in zip(means, sums, strict=True):
            e.store(b.fdiv(_sum_of_lanes(frame, e.load(total)), count), frame.scratch(number, row))

    e.loop(n, one)


def _operand(frame: Frame, number: int, t: V, row: V, unit: V) -> V:
    return load_value(frame, frame.program.values[number].args[0], t, row, unit)


def _sum_of_lanes(frame: Frame, vector: V) -> V:
    """The sum of all lanes in every lane, by halves."""
    e, b = frame.e, frame.e.b
    half = e.lanes // 2
    while half:
        # Lane j takes lane j ^ half, so that all lanes add the same two numbers.
        turned = ir.Constant(ir.VectorType(I32, e.lanes), [j ^ half for j in range(e.lanes)])
        vector = b.fadd(vector, b.shuffle_vector(vector, vector, turned))
        half //= 2
    return vector
