"""The pointwise part of a stage: one row, one vector of hidden units."""

from __future__ import annotations

from collections.abc import Callable

from tidegate.engine.backends.llvm.emit.builder import V
from tidegate.engine.backends.llvm.emit.frame import Frame
from tidegate.engine.backends.llvm.emit.math import OPERATIONS
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.stages import is_output
from tidegate.engine.program.program import FOLDS


def pointwise(frame: Frame, k: int, t: V, row: V, r: V, unit: V, block: int, sums: V) -> None:
    """Compute a stage's values for one row and one vector of hidden units, and write the results.

    Args:
        frame: the kernel.
        k: the stage.
        t: the step.
        row: the row of the batch.
        r: its number in the tile.
        unit: the first hidden unit of the vector.
        block: the vector's number in the tile.
        sums: the products of the tile.
    """
    e, b = frame.e, frame.e.b
    stage, tile = frame.spec.stages[k], frame.spec.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    found = {number: load_value(frame, number, t, row, unit) for number in stage.reductions}

    def get(number: int) -> V:
        if number not in found:
            found[number] = load_value(frame, number, t, row, unit)
        return found[number]

    for a, number in enumerate(stage.accumulators):
        total = e.load(e.at(frame.pointer(arguments.bias(k)), b.add(b.mul(e.i64(a), frame.width_in(k)), unit)))
        if stage.streams:
            place = b.add(b.mul(r, e.i64(width)), e.i64(a * tile.blocks + block))
            total = b.fadd(total, e.load(e.slot(sums, place, e.vector)))
        if not frame.spec.fused_input:
            for part in stage.parts[a]:
                value = frame.program.values[part]
                if value.op == "input":
                    at = b.add(b.mul(frame.place(t, row), frame.number(arguments.INPUT_STRIDE)), unit)
                    total = b.fadd(total, e.load(e.at(frame.pointer(arguments.input_part(value.name)), at)))
        found[number] = total
    for number in stage.values:
        value = frame.program.values[number]
        args = [get(arg) for arg in value.args]
        found[number] = OPERATIONS[value.op](e, *args) if args else _load_leaf(frame, number, t, row, unit)
    for number in frame.spec.made[k]:
        if number not in stage.reductions:
            frame.store_made(number, found[number], row, unit)
    last = k == max(n for n, other in enumerate(frame.spec.stages) if other.projected == stage.projected)
    _store_results(frame, found, get, t, row, unit, stage.projected, last)


def load_value(frame: Frame, number: int, t: V, row: V, unit: V) -> V:
    """Load a leaf or a value of an earlier stage: one vector of hidden units."""
    e = frame.e
    if frame.program.values[number].op in FOLDS:
        return e.load(frame.scratch(number, row))
    if frame.is_in_scratch(number):
        return e.load(e.at(frame.scratch(number, row), unit))
    return _load_leaf(frame, number, t, row, unit)


def _load_leaf(frame: Frame, number: int, t: V, row: V, unit: V) -> V:
    e = frame.e
    value = frame.program.values[number]
    match value.op:
        case "constant":
            return e.const(value.number)
        case "parameter":
            return e.load(e.at(frame.pointer(arguments.parameter(value.name)), unit))
        case "state" if value.name in frame.spec.in_place:
            return e.load(e.at(frame.in_state(arguments.state(value.name), value.name, row), unit))
        case "state":
            return e.load(e.at(e.load_pointer(frame.pointer(arguments.previous(value.name)), row), unit))
        case "before":
            memory = frame.memory(value.name)
            return memory.load(memory.at(e.load_pointer(frame.pointer(arguments.before(value.name)), row), unit))
        case "saved" | "cotangent":
            memory, leaf = frame.memory(value.name), arguments.leaf(value.op, value.name)
            return memory.load(memory.at(frame.in_row(leaf, frame.place(t, row), value.name), unit))
        case _:
            leaf = arguments.leaf(value.op, value.name)
            return e.load(e.at(frame.in_row(leaf, frame.place(t, row)), unit))


def _store_results(
    frame: Frame,
    found: dict[int, V],
    get: Callable[[int], V],
    t: V,
    row: V,
    unit: V,
    projected: bool,
    last: bool,
) -> None:
    """Store the results that this stage computes.

    Results that are leaves or values of earlier stages are stored by the last stage of their size.
    """
    e, b, spec = frame.e, frame.e.b, frame.spec

    def is_ready(number: int) -> bool:
        value = frame.program.values[number]
        own = number in found and (bool(value.args) or value.op == "input")
        is_leaf = not value.args and value.op != "input"
        return own or (last and is_leaf and (number in frame.of_output_size) == projected)

    for name, number in spec.stored:
        if is_ready(number):
            place, memory = frame.stored_place(t, row), frame.memory(name)
            memory.store(get(number), memory.at(frame.in_row(arguments.out(name), place, name), unit))
    for name, number in frame.program.sums.items():
        if is_ready(number):
            offset = b.add(b.mul(row, frame.number(arguments.PADDED_HIDDEN)), unit)
            at = e.at(frame.pointer(arguments.total(name)), offset)
            e.store(b.fadd(e.load(at), get(number)), at)
    # States come last, and all are read before one is written: one may become what another was.
    if last:
        in_place = {s for s in spec.in_place if is_output(s, spec.output) == projected}
        values = {s: get(k) for s, k in frame.program.states.items() if s in in_place}
        for state, value in values.items():
            e.store(value, e.at(frame.in_state(arguments.state(state), state, row), unit))
