"""The statements of a model in time: those of one step, or the loops over a whole sequence."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.graph import Value
from tidegate.export.graph.parts import Convolution, Layer, Pool


def step_lines(code: ModelCode) -> list[str]:
    """Return the statements that read one step and write the outputs to y."""
    lines = []
    for value in code.graph.values:
        lines += [*code.declared(value), *code.statements[value]]
    if code.counts_steps:
        lines.append("state->steps += state->steps < UINT32_MAX;")
    return [*lines, f"memcpy(y, {code.arrays[code.graph.output]}, {code.outputs} * sizeof(float));"]


@dataclass
class Loop:
    """A loop over a sequence.

    Attributes:
        backwards: whether it begins with the last step.
        values: those that are computed in it.
    """

    backwards: bool
    values: list[Value] = field(default_factory=list)


def loops_of(code: ModelCode) -> list[Loop]:
    """Return the loops over a sequence, each after those that make what it reads.

    A layer that reads backwards is in a loop that runs backwards; what remembers nothing is where its operands are.
    """
    loops: list[Loop] = []
    at: dict[Value, int] = {}  # the loop in which a value is made; those that are read in place have none
    for value in code.graph.values:
        if value.whole and not isinstance(value.part, Pool):
            continue
        if code.in_place(value):
            continue
        of = [at[it] for it in _roots(code, value)]
        first, remembers = max(of, default=0), isinstance(value.part, Layer | Convolution | Pool)
        agnostic = not remembers or (isinstance(value.part, Pool) and value.part.kind == "first")
        backwards = isinstance(value.part, Layer) and value.part.reverse
        if agnostic and of and min(of) == first:
            backwards = loops[first].backwards
        found = next(
            (
                n
                for n in range(first, len(loops))
                if loops[n].backwards == backwards and _ready(loops, n, of, backwards)
            ),
            len(loops),
        )
        if found == len(loops):
            loops.append(Loop(backwards))
        loops[found].values.append(value)
        at[value] = found
    return loops


def _roots(code: ModelCode, value: Value) -> list[Value]:
    """Return the values with statements of their own that a value reads, through those that are read in place."""
    found: list[Value] = []
    for it in value.of:
        if it.part is not None:
            found += _roots(code, it) if code.in_place(it) else [it]
    return found


def _ready(loops: list[Loop], n: int, of: list[int], backwards: bool) -> bool:
    """Return whether what is made in the loops ``of`` can be read in loop n: made before it, or in it."""
    return all(k < n or (k == n and loops[k].backwards == backwards) for k in of)


def run_lines(code: ModelCode) -> tuple[list[str], int]:
    """Return the statements that read n steps, and how many numbers of memory they need for each step.

    In these, ``room`` is that memory, and ``all_NAME`` the steps of each input.
    """
    loops, output = loops_of(code), code.graph.output
    made = {value: n for n, loop in enumerate(loops) for value in loop.values}
    read_later = {root for value, n in made.items() for root in _roots(code, value) if made[root] != n} | {output}
    place: dict[Value, str] = {}  # of the values of which all steps are kept
    size = 0
    for value in made:
        if value in read_later and not value.whole:
            place[value] = f"room + (size_t){size} * (size_t)steps"
            size += value.size
    lines = [line for loop in loops for line in _loop_lines(code, loop, place)]
    for value in code.graph.values:
        if value.whole:
            own = [] if isinstance(value.part, Pool) else code.statements[value]
            lines += [*code.declared(value), *own]
    if output.whole:
        return [*lines, f"memcpy(y, {code.arrays[output]}, {output.size} * sizeof(float));"], size
    return [*lines, f"memcpy(y, {place[output]}, (size_t)steps * {output.size} * sizeof(float));"], size


def _loop_lines(code: ModelCode, loop: Loop, place: dict[Value, str]) -> list[str]:
    """Return a loop: pointers to the step's inputs and to what other loops have made, then its statements."""
    read = {root for value in loop.values for root in _roots(code, value)} - {*loop.values}
    inputs = {it for value in loop.values for it in _inputs(code, value)}
    body: list[str] = []
    for value in code.graph.inputs:
        if value in inputs:
            kind = "int" if value.tokens is not None else "float"
            body.append(f"const {kind} *const {value.name} = all_{value.name} + (size_t)t * {value.size};")
    body += [
        f"const float *const {value.name} = {at} + (size_t)t * {value.size};"
        for value, at in place.items()
        if value in read
    ]
    for value in loop.values:
        target = f"{place[value]} + (size_t)t * {value.size}" if value in place else ""
        pool = isinstance(value.part, Pool)  # which is read when all loops have ended
        body += [*([] if pool else code.declared(value, target)), *code.statements[value]]
        if target and (remembered := code.remembered(value)):
            body.append(f"memcpy({value.name}, {remembered}, {value.size} * sizeof(float));")
    if code.counts_steps:
        body.append("++state->steps;")
    head = "for (int t = steps - 1; t >= 0; --t) {" if loop.backwards else "for (int t = 0; t < steps; ++t) {"
    begin = ["state->steps = 0;"] if code.counts_steps else []
    return [*begin, head, *(f"  {line}" for line in body), "}"]


def _inputs(code: ModelCode, value: Value) -> set[Value]:
    """Return the model's inputs that a value reads, through those that are read in place."""
    found: set[Value] = set()
    for it in value.of:
        if it.part is None:
            found.add(it)
        elif code.in_place(it):
            found |= _inputs(code, it)
    return found
