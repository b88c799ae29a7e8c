"""Means, sums, largest values and cumulative sums over the hidden units, each of a whole vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I32, Emit, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.emit.pointwise import load_value
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import is_product
from tidegate.engine.program.program import FOLDS


class _Fold(NamedTuple):
    start: float
    join: Callable[[Emit, V, V], V]


_SUM = _Fold(0.0, lambda e, a, b: e.b.fadd(a, b))
_FOLDS = {
    "unit_mean": _SUM,
    "unit_sum": _SUM,
    "unit_max": _Fold(-math.inf, lambda e, a, b: e.select_if(">", b, a, b, a)),
}


def compute_reductions(frame: Frame, k: int, t: V, n: V) -> None:
    """Compute a stage's reductions over the H hidden units of each of the n active rows.

    What is one number for all hidden units is written to the row's scratch memory, to every lane of its first vector; a
    cumulative sum is written whole. Threads that divide the hidden units each compute all reductions of a row, with the
    same bits.
    """
    e, stage = frame.e, frame.spec.stages[k]
    ops = {number: frame.program.values[number].op for number in stage.reductions}
    folds = [number for number, op in ops.items() if op in FOLDS]
    scans = [number for number in ops if number not in folds]
    results = [e.variable(e.vector) for _ in folds]
    carried = [e.variable(e.vector) for _ in scans]

    def one(q: V) -> None:
        row = e.load_i64(frame.pointer(arguments.ACTIVE), q)
        if folds:
            _fold(frame, folds, results, t, row)
        for number, total in zip(scans, carried, strict=True):
            _scan(frame, number, total, t, row)

    e.loop(n, one)


def _fold(frame: Frame, numbers: list[int], results: list[V], t: V, row: V) -> None:
    """Compute what is one number for all hidden units of a row, all such values in one pass."""
    e, b = frame.e, frame.e.b
    hidden = frame.number(arguments.HIDDEN)
    whole = b.sub(hidden, b.urem(hidden, e.i64(e.lanes)))
    folds = [_FOLDS[frame.program.values[number].op] for number in numbers]
    together = list(zip(numbers, folds, results, strict=True))
    for _, fold, total in together:
        e.store(e.const(fold.start), total)

    def add(unit: V) -> None:
        for number, fold, total in together:
            e.store(fold.join(e, e.load(total), _operand(frame, number, t, row, unit)), total)

    e.loop(whole, add, step=e.lanes)
    with b.if_then(b.icmp_signed("<", whole, hidden)):
        inside = _inside(frame, whole)
        for number, fold, total in together:  # padding may be anything
            last = b.select(inside, _operand(frame, number, t, row, whole), e.const(fold.start))
            e.store(fold.join(e, e.load(total), last), total)
    count = e.splat(b.sitofp(hidden, e.real), e.vector)
    for number, fold, total in together:
        joined = _join_lanes(frame, e.load(total), fold)
        mean = frame.program.values[number].op == "unit_mean"
        result = b.fdiv(joined, count) if mean else joined
        if any(is_product(value) and value.args == (number,) for value in frame.program.values):  # a whole operand
            width = frame.number(arguments.PADDED_HIDDEN)
            e.loop(width, lambda unit, k=number, v=result: frame.store_made(k, v, row, unit), step=e.lanes)
        else:
            e.store(result, frame.scratch(number, row))


def _scan(frame: Frame, number: int, carried: V, t: V, row: V) -> None:
    """Compute a cumulative sum over the hidden units of a row, from the last one down if it is reversed."""
    e, b = frame.e, frame.e.b
    reverse = frame.program.values[number].op == "cumsum_reversed"
    width = frame.number(arguments.PADDED_HIDDEN)
    kind, zero, sign = ir.VectorType(I32, e.lanes), e.const(0.0), 1 if reverse else -1
    last = ir.Constant(kind, [0 if reverse else e.lanes - 1] * e.lanes)
    e.store(zero, carried)

    def vector(k: V) -> None:
        unit = b.sub(b.sub(width, e.i64(e.lanes)), k) if reverse else k
        total = b.select(_inside(frame, unit), _operand(frame, number, t, row, unit), zero)
        distance = 1
        while distance < e.lanes:  # each lane adds the sum of as many lanes as it has added so far
            lanes = [j + sign * distance for j in range(e.lanes)]
            moved = ir.Constant(kind, [j if 0 <= j < e.lanes else e.lanes for j in lanes])
            total = b.fadd(total, b.shuffle_vector(total, zero, moved))
            distance *= 2
        total = b.fadd(total, e.load(carried))
        frame.store_made(number, total, row, unit)
        e.store(b.shuffle_vector(total, zero, last), carried)

    e.loop(width, vector, step=e.lanes)


def _inside(frame: Frame, unit: V) -> V:
    """The lanes of the vector from a hidden unit on that are hidden units, and not padding."""
    e, b = frame.e, frame.e.b
    kind = ir.VectorType(I32, e.lanes)
    lanes = ir.Constant(kind, list(range(e.lanes)))
    return b.icmp_signed("<", lanes, e.splat(b.trunc(b.sub(frame.number(arguments.HIDDEN), unit), I32), kind))


def _operand(frame: Frame, number: int, t: V, row: V, unit: V) -> V:
    return load_value(frame, frame.program.values[number].args[0], t, row, unit)


def _join_lanes(frame: Frame, vector: V, fold: _Fold) -> V:
    """All lanes joined, in every lane, by halves."""
    e, b = frame.e, frame.e.b
    half = e.lanes // 2
    while half:
        # Lane j takes lane j ^ half, so that all lanes join the same two numbers.
        turned = ir.Constant(ir.VectorType(I32, e.lanes), [j ^ half for j in range(e.lanes)])
        vector = fold.join(e, vector, b.shuffle_vector(vector, vector, turned))
        half //= 2
    return vector
