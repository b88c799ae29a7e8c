"""Which rows take part in a step, where their states are, and where a new sequence begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I64, PTR, V

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.emit.kernel import Kernel


def begin(kernel: Kernel, rows: V, count: V) -> None:
    """Before the first step, states that are found in what is stored are where the caller put them."""
    e, b = kernel.e, kernel.e.b

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        for state in kernel.sequences:
            own = e.at(kernel.pointer(f"initial {state}"), b.mul(row, kernel.units_of(state)))
            b.store(own, e.slot(kernel.pointer(f"previous {state}"), row, PTR))

    e.loop(count, one)


def list_rows(kernel: Kernel, t: V, rows: V, count: V, active: V) -> None:
    """List the rows that are valid at this step; cut their state where a new sequence begins."""
    e, b = kernel.e, kernel.e.b
    b.store(e.i64(0), kernel.listed)
    lengths, reset = kernel.pointer("lengths"), kernel.pointer("reset")
    none = ir.Constant(PTR, None)
    has_lengths, has_reset = b.icmp_unsigned("!=", lengths, none), b.icmp_unsigned("!=", reset, none)
    border = b.add(t, kernel.number("descending"))
    length_slot = e.variable(I64)

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        b.store(kernel.number("steps"), length_slot)
        with b.if_then(has_lengths):
            b.store(e.load_i64(lengths, row), length_slot)
        length = b.load(length_slot, typ=I64)
        with b.if_then(b.icmp_signed("<", t, length)):
            with b.if_then(b.and_(has_reset, b.icmp_signed("<", border, length))):
                flag = b.load(b.gep(reset, [kernel.place(border, row)], source_etype=ir.IntType(8)), typ=ir.IntType(8))
                with b.if_then(b.icmp_unsigned("!=", flag, ir.Constant(ir.IntType(8), 0))):
                    _cut(kernel, row)
            _look_back(kernel, t, row, length, has_reset, reset)
            n = b.load(kernel.listed, typ=I64)
            b.store(row, e.slot(active, n))
            b.store(b.add(n, e.i64(1)), kernel.listed)

    e.loop(count, one)


def _cut(kernel: Kernel, row: V) -> None:
    e, b = kernel.e, kernel.e.b
    for state in kernel.program.states:
        if state in kernel.sequences:
            b.store(kernel.pointer("zeros"), e.slot(kernel.pointer(f"previous {state}"), row, PTR))
        else:
            base = e.at(kernel.pointer(f"state {state}"), b.mul(row, kernel.units_of(state)))
            start, end = kernel.share.of(kernel.units_of(state))
            e.loop(end, lambda j, base=base: e.store(e.const(0.0), e.at(base, j)), start=start, step=e.lanes)


def _look_back(kernel: Kernel, t: V, row: V, length: V, has_reset: V, reset: V) -> None:
    """In a backward run: where the states that the forward step began with are."""
    e, b = kernel.e, kernel.e.b
    if not kernel.befores:
        return
    # The forward run went the other way: ascending if this one descends.
    ascending = b.icmp_signed("!=", kernel.number("descending"), e.i64(0))
    earlier = b.select(ascending, b.sub(t, e.i64(1)), b.add(t, e.i64(1)))
    first = b.select(ascending, b.icmp_signed("==", t, e.i64(0)), b.icmp_signed("==", earlier, length))
    border = b.select(ascending, t, b.add(t, e.i64(1)))
    cut = e.variable(ir.IntType(8))
    b.store(ir.Constant(ir.IntType(8), 0), cut)
    with b.if_then(b.and_(has_reset, b.icmp_signed("<", border, length))):
        b.store(b.load(b.gep(reset, [kernel.place(border, row)], source_etype=ir.IntType(8)), typ=ir.IntType(8)), cut)
    is_cut = b.icmp_unsigned("!=", b.load(cut, typ=ir.IntType(8)), ir.Constant(ir.IntType(8), 0))
    for name in kernel.befores:
        initial = e.at(kernel.pointer(f"initial {name}"), b.mul(row, kernel.units_of(name)))
        kept = e.at(
            kernel.pointer(f"sequence {name}"),
            b.mul(kernel.place(earlier, row), kernel.number(f"stride sequence {name}")),
        )
        found = b.select(is_cut, kernel.pointer("zeros"), b.select(first, initial, kept))
        b.store(found, e.slot(kernel.pointer(f"before {name}"), row, PTR))


def advance(kernel: Kernel, t: V, n: V, active: V) -> None:
    """What was written at this step is the next step's state."""
    e, b = kernel.e, kernel.e.b
    if not kernel.sequences:
        return

    def one(q: V) -> None:
        row = e.load_i64(active, q)
        for state, stored in kernel.sequences.items():
            offset = b.mul(kernel.place_stored(t, row), kernel.number(f"stride out {stored}"))
            here = e.at(kernel.pointer(f"out {stored}"), offset)
            b.store(here, e.slot(kernel.pointer(f"previous {state}"), row, PTR))

    e.loop(n, one)


def finish(kernel: Kernel, rows: V, count: V) -> None:
    """Copy the final states to where the caller wants them."""
    e, b = kernel.e, kernel.e.b

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        for state in kernel.sequences:
            source = e.load_pointer(kernel.pointer(f"previous {state}"), row)
            target = e.at(kernel.pointer(f"final {state}"), b.mul(row, kernel.units_of(state)))
            start, end = kernel.share.of(kernel.units_of(state))
            e.loop(
                end,
                lambda j, s=source, d=target: e.store(e.load(e.at(s, j)), e.at(d, j)),
                start=start,
                step=e.lanes,
            )

    e.loop(count, one)
