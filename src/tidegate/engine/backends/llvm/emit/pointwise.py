"""The pointwise part of a stage: one row, one vector of units."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tidegate.engine.backends.llvm.emit.builder import V
from tidegate.engine.backends.llvm.emit.math import OPERATIONS
from tidegate.engine.kernels.stages import is_output

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.emit.kernel import Kernel


def pointwise(kernel: Kernel, k: int, t: V, row: V, r: V, unit: V, block: int) -> None:
    """Compute a stage's values for one row and one vector of units, and write what is wanted."""
    e, b = kernel.e, kernel.e.b
    stage, tile = kernel.stages[k], kernel.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    found = {number: load(kernel, number, t, row, unit) for number in stage.means}

    def get(number: int) -> V:
        if number not in found:
            found[number] = load(kernel, number, t, row, unit)
        return found[number]

    for a, number in enumerate(stage.accumulators):
        total = e.load(e.at(kernel.pointer(f"bias {k}"), b.add(b.mul(e.i64(a), kernel.units_in(k)), unit)))
        if stage.streams:
            place = b.add(b.mul(r, e.i64(width)), e.i64(a * tile.blocks + block))
            total = b.fadd(total, e.load(e.slot(kernel.accumulated, place, e.vector)))
        if not kernel.spec.fused_input:
            for part in stage.parts[a]:
                value = kernel.program.values[part]
                if value.op == "input":
                    at = b.add(b.mul(kernel.place(t, row), kernel.number("stride input")), unit)
                    total = b.fadd(total, e.load(e.at(kernel.pointer(f"input {value.name}"), at)))
        found[number] = total
    for number in stage.values:
        value = kernel.program.values[number]
        args = [get(arg) for arg in value.args]
        found[number] = OPERATIONS[value.op](e, *args) if args else _leaf(kernel, number, t, row, unit)
    for number in kernel.made[k]:
        if number not in stage.means:
            e.store(found[number], e.at(kernel.scratch(number, row), unit))
    last = k == max(n for n, other in enumerate(kernel.stages) if other.projected == stage.projected)
    _store(kernel, found, get, t, row, unit, stage.projected, last)


def load(kernel: Kernel, number: int, t: V, row: V, unit: V) -> V:
    """A leaf, or a value of an earlier stage: one vector of units."""
    e = kernel.e
    if kernel.program.values[number].op == "unit_mean":
        return e.load(kernel.scratch(number, row))
    if any(number in made for made in kernel.made):
        return e.load(e.at(kernel.scratch(number, row), unit))
    return _leaf(kernel, number, t, row, unit)


def _leaf(kernel: Kernel, number: int, t: V, row: V, unit: V) -> V:
    e, b = kernel.e, kernel.e.b
    value = kernel.program.values[number]
    if value.op == "constant":
        return e.const(value.number)
    if value.op == "parameter":
        return e.load(e.at(kernel.pointer(f"parameter {value.name}"), unit))
    if value.op == "state":
        if value.name in kernel.sequences:
            return e.load(e.at(e.load_pointer(kernel.pointer(f"previous {value.name}"), row), unit))
        at = b.add(b.mul(row, kernel.units_of(value.name)), unit)
        return e.load(e.at(kernel.pointer(f"state {value.name}"), at))
    if value.op == "before":
        return e.load(e.at(e.load_pointer(kernel.pointer(f"before {value.name}"), row), unit))
    stride = kernel.number(f"stride {value.op} {value.name}")
    return e.load(e.at(kernel.pointer(f"{value.op} {value.name}"), b.add(b.mul(kernel.place(t, row), stride), unit)))


def _store(
    kernel: Kernel,
    found: dict[int, V],
    get: Callable[[int], V],
    t: V,
    row: V,
    unit: V,
    projected: bool,
    last: bool,
) -> None:
    """Write what is ready; results that are leaves or earlier stages' values wait for the last stage of their size."""
    e, b = kernel.e, kernel.e.b

    def ready(number: int) -> bool:
        value = kernel.program.values[number]
        own = number in found and (bool(value.args) or value.op == "input")
        return own or (last and not value.args and value.op != "input" and (number in kernel.small) == projected)

    for name, number in kernel.spec.stored:
        if ready(number):
            at = b.add(b.mul(kernel.place_stored(t, row), kernel.number(f"stride out {name}")), unit)
            e.store(get(number), e.at(kernel.pointer(f"out {name}"), at))
    for name, number in kernel.program.sums.items():
        if ready(number):
            at = e.at(kernel.pointer(f"sum {name}"), b.add(b.mul(row, kernel.number("padded")), unit))
            e.store(b.fadd(e.load(at), get(number)), at)
    # States last, and all read before one is written: one may become what another was.
    if last:
        mine = {s for s in kernel.program.states if is_output(s, kernel.spec.output) == projected} - {*kernel.sequences}
        in_place = {s: get(k) for s, k in kernel.program.states.items() if s in mine}
        for state, value in in_place.items():
            at = e.at(kernel.pointer(f"state {state}"), b.add(b.mul(row, kernel.units_of(state)), unit))
            e.store(value, at)
