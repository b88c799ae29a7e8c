"""Which rows are active at a step, where their previous states are, and where a new sequence begins."""

from __future__ import annotations

from llvmlite import ir

from tidegate.engine.backends.llvm.emit.builder import I8, I64, PTR, Emit, V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.emit.operands import Operands
from tidegate.engine.backends.llvm.emit.work_split import WorkSplit
from tidegate.engine.kernels import arguments

Row = tuple[Emit | Operands, V]


def point_at_initial_states(frame: Frame, split: WorkSplit, rows: V, count: V) -> None:
    """Point each row's previous-state pointers at its initial states; round those that are kept in full."""
    e, b, spec = frame.e, frame.e.b, frame.spec
    rounded = [state for state in spec.sequences if state in spec.in_place]

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        for state, name in spec.sequences.items():
            own = arguments.rounded(state) if state in rounded else arguments.initial(state)
            own = frame.in_state(own, state, row, name)
            if state in rounded:
                _copy(frame, split, state, (e, frame.in_state(arguments.state(state), state, row)), (frame.held, own))
            b.store(own, e.slot(frame.pointer(arguments.previous(state)), row, PTR))

    e.loop(count, one)
    if rounded:
        split.barrier()


def list_rows(frame: Frame, split: WorkSplit, t: V, rows: V, count: V, active_count: V) -> None:
    """List the rows that are valid at step t and count them; reset their states where a new sequence begins."""
    e, b = frame.e, frame.e.b
    b.store(e.i64(0), active_count)
    lengths, reset = frame.pointer(arguments.LENGTHS), frame.pointer(arguments.RESET)
    none = ir.Constant(PTR, None)
    has_lengths, has_reset = b.icmp_unsigned("!=", lengths, none), b.icmp_unsigned("!=", reset, none)
    border = b.add(t, frame.number(arguments.DESCENDING))
    length_slot = e.variable(I64)

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        b.store(frame.number(arguments.STEPS), length_slot)
        with b.if_then(has_lengths):
            b.store(e.load_i64(lengths, row), length_slot)
        length = b.load(length_slot, typ=I64)
        with b.if_then(b.icmp_signed("<", t, length)):
            with b.if_then(b.and_(has_reset, b.icmp_signed("<", border, length))):
                flag = b.load(b.gep(reset, [frame.place(border, row)], source_etype=I8), typ=I8)
                with b.if_then(b.icmp_unsigned("!=", flag, ir.Constant(I8, 0))):
                    _reset_states(frame, split, row)
            _find_states_before(frame, t, row, length, has_reset, reset)
            n = b.load(active_count, typ=I64)
            b.store(row, e.slot(frame.pointer(arguments.ACTIVE), n))
            b.store(b.add(n, e.i64(1)), active_count)

    e.loop(count, one)


def _reset_states(frame: Frame, split: WorkSplit, row: V) -> None:
    e, b = frame.e, frame.e.b
    for state in frame.program.states:
        if state in frame.spec.sequences:
            b.store(frame.pointer(arguments.ZEROS), e.slot(frame.pointer(arguments.previous(state)), row, PTR))
        if state in frame.spec.in_place:
            base = frame.in_state(arguments.state(state), state, row)
            start, end = split.range_of(frame.width_of(state))
            e.loop(end, lambda j, base=base: e.store(e.const(0.0), e.at(base, j)), start=start, step=e.lanes)


def _find_states_before(frame: Frame, t: V, row: V, length: V, has_reset: V, reset: V) -> None:
    """In a backward kernel, point at the states that the forward step began with."""
    e, b = frame.e, frame.e.b
    if not frame.spec.befores:
        return
    # The forward run went the other way: ascending if this one descends.
    ascending = b.icmp_signed("!=", frame.number(arguments.DESCENDING), e.i64(0))
    earlier = b.select(ascending, b.sub(t, e.i64(1)), b.add(t, e.i64(1)))
    first = b.select(ascending, b.icmp_signed("==", t, e.i64(0)), b.icmp_signed("==", earlier, length))
    border = b.select(ascending, t, b.add(t, e.i64(1)))
    cut = e.variable(I8)
    b.store(ir.Constant(I8, 0), cut)
    with b.if_then(b.and_(has_reset, b.icmp_signed("<", border, length))):
        b.store(b.load(b.gep(reset, [frame.place(border, row)], source_etype=I8), typ=I8), cut)
    is_cut = b.icmp_unsigned("!=", b.load(cut, typ=I8), ir.Constant(I8, 0))
    for name in frame.spec.befores:
        initial = frame.in_state(arguments.initial(name), name, row, name)
        stored = frame.in_row(arguments.sequence(name), frame.place(earlier, row), name)
        found = b.select(is_cut, frame.pointer(arguments.ZEROS), b.select(first, initial, stored))
        b.store(found, e.slot(frame.pointer(arguments.before(name)), row, PTR))


def point_at_stored_states(frame: Frame, t: V, n: V) -> None:
    """Point each row's previous-state pointers at what was written at step t."""
    e, b = frame.e, frame.e.b
    if not frame.spec.sequences:
        return

    def one(q: V) -> None:
        row = e.load_i64(frame.pointer(arguments.ACTIVE), q)
        for state, name in frame.spec.sequences.items():
            here = frame.in_row(arguments.out(name), frame.stored_place(t, row), name)
            b.store(here, e.slot(frame.pointer(arguments.previous(state)), row, PTR))

    e.loop(n, one)


def copy_final_states(frame: Frame, split: WorkSplit, rows: V, count: V) -> None:
    """Copy the final states to where the caller wants them."""
    e = frame.e

    def one(q: V) -> None:
        row = e.load_i64(rows, q)
        for state, name in frame.spec.sequences.items():
            if state not in frame.spec.in_place:
                source = e.load_pointer(frame.pointer(arguments.previous(state)), row)
                memory = frame.memory(name)
                target = frame.in_state(arguments.final(state), state, row, name)
                _copy(frame, split, state, (memory, source), (memory, target))

    e.loop(count, one)


def _copy(frame: Frame, split: WorkSplit, state: str, source: Row, target: Row) -> None:
    """Copy this thread's part of a row of a state; where rows are, and how they are held, is given for both."""
    start, end = split.range_of(frame.width_of(state))
    (read, here), (write, there) = source, target
    frame.e.loop(
        end,
        lambda j: write.store(read.load(read.at(here, j)), write.at(there, j)),
        start=start,
        step=frame.e.lanes,
    )
