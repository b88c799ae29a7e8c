"""The pointwise part of a stage: one row, one vector of units."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tidegate.engine.backends.llvm.math import OPERATIONS
from tidegate.engine.backends.llvm.vector import V

if TYPE_CHECKING:
    from tidegate.engine.backends.llvm.kernel import Kernel


def pointwise(kernel: Kernel, k: int, t: V, row: V, r: V, unit: V, block: int) -> None:
    """Compute a stage's values for one row and one vector of units, and write what is wanted."""
    e, b = kernel.e, kernel.e.b
    stage, tile = kernel.stages[k], kernel.tiles[k]
    width = len(stage.accumulators) * tile.blocks
    found: dict[int, V] = {}

    def leaf(number: int) -> V:
        value = kernel.program.values[number]
        if value.op == "constant":
            return e.const(value.number)
        if value.op == "parameter":
            return e.load(e.at(kernel.pointer(f"parameter {value.name}"), unit))
        if value.op == "state":
            if value.name in kernel.sequences:
                return e.load(e.at(e.load_pointer(kernel.pointer(f"previous {value.name}"), row), unit))
            return e.load(e.at(kernel.pointer(f"state {value.name}"), b.add(b.mul(row, kernel.number("padded")), unit)))
        if value.op == "before":
            return e.load(e.at(e.load_pointer(kernel.pointer(f"before {value.name}"), row), unit))
        stride = kernel.number(f"stride {value.op} {value.name}")
        return e.load(
            e.at(kernel.pointer(f"{value.op} {value.name}"), b.add(b.mul(kernel.place(t, row), stride), unit))
        )

    def get(number: int) -> V:
        if number not in found:
            kept = any(number in made for made in kernel.made)
            found[number] = e.load(e.at(kernel.scratch(number, row), unit)) if kept else leaf(number)
        return found[number]

    for a, number in enumerate(stage.accumulators):
        total = e.load(e.at(kernel.pointer(f"bias {k}"), b.add(b.mul(e.i64(a), kernel.number("padded")), unit)))
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
        found[number] = OPERATIONS[value.op](e, *(get(arg) for arg in value.args))
    for number in kernel.made[k]:
        e.store(found[number], e.at(kernel.scratch(number, row), unit))
    last = k == len(kernel.stages) - 1
    _store(kernel, found, get, t, row, unit, last)


def _store(kernel: Kernel, found: dict[int, V], get: Callable[[int], V], t: V, row: V, unit: V, last: bool) -> None:
    """Write what is ready; results that are leaves or earlier stages' values wait for the last stage."""
    e, b = kernel.e, kernel.e.b

    def ready(number: int) -> bool:
        value = kernel.program.values[number]
        own = number in found and (bool(value.args) or value.op == "input")
        return own or (last and not value.args and value.op != "input")

    for name, number in kernel.spec.stored:
        if ready(number):
            at = b.add(b.mul(kernel.place(t, row), kernel.number(f"stride out {name}")), unit)
            e.store(get(number), e.at(kernel.pointer(f"out {name}"), at))
    for name, number in kernel.program.sums.items():
        if ready(number):
            at = e.at(kernel.pointer(f"sum {name}"), b.add(b.mul(row, kernel.number("padded")), unit))
            e.store(b.fadd(e.load(at), get(number)), at)
    # States last, and all read before one is written: one may become what another was.
    if last:
        in_place = {s: get(k) for s, k in kernel.program.states.items() if s not in kernel.sequences}
        for state, value in in_place.items():
            at = e.at(kernel.pointer(f"state {state}"), b.add(b.mul(row, kernel.number("padded")), unit))
            e.store(value, at)
