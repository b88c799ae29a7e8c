"""Reductions over the hidden units: every program reads whole vectors of its rows."""

from __future__ import annotations

from tidegate.engine.backends.triton.emit.leaves import load_leaf
from tidegate.engine.backends.triton.emit.python_source import Names, Source
from tidegate.engine.backends.triton.kernel_spec import KEPT, KernelSpec
from tidegate.engine.program.program import FOLDS

PIECES = 4  # a vector is read in: Triton moves whole ones from one layout to another, through all registers


def emit_reduction(spec: KernelSpec, names: Names, body: Source, kept: tuple[int, ...], k: int) -> str:
    """Reduce the vectors of an operand, and return an expression for its result, (ROWS, UNITS).

    Args:
        spec: the kernel.
        names: of the arguments.
        body: the source.
        kept: the values that are in memory in float32.
        k: the reduction's number.
    """
    program = spec.program
    value = program.values[k]
    source = value.args[0]
    size = "R" if source in spec.small else "H"
    count = PIECES if value.op in FOLDS else 1  # products need a depth of 16
    pieces = [f"piece{k}_{n}" for n in range(count)]
    for n, piece in enumerate(pieces):  # all are on their way at once
        body(f"every = {n} * ({size}_PADDED // {count}) + tl.arange(0, {size}_PADDED // {count})")
        body(f"inside{n} = valid[:, None] & (every < {size})[None, :]")
        if source in kept:
            is_state = program.values[source].op == "state"
            slot = f"({spec.place_of_kept(kept, source)} + {'now' if is_state else '0'})"
            place = f"{slot} * B * WIDE + rows[:, None] * WIDE + every[None, :]"
            body(f'{piece} = tl.load({names[KEPT]} + {place}, mask=inside{n}, other=0.0, cache_modifier=".cg")')
            if is_state and spec.reset:
                body(f"{piece} = tl.where(border[:, None], 0.0, {piece})")
        else:
            shape = f"(ROWS, {size}_PADDED // {count})"
            body(f"{piece} = {load_leaf(spec, names, source, 'every', f'inside{n}', shape)}")

    def sums(value: str) -> str:
        """Return the sum of an expression of ``piece``, over all units."""
        parts = [value.replace("piece", piece) for piece in pieces]
        return " + ".join(f"tl.sum(tl.where(inside{n}, {part}, 0.0), axis=1)" for n, part in enumerate(parts))

    tile = "+ tl.zeros((ROWS, UNITS), tl.float32)"
    match value.op:
        case "unit_max":
            made = "tl.full((ROWS,), float('-inf'), tl.float32)"
            for n, piece in enumerate(pieces):
                made = f"tl.maximum({made}, tl.max(tl.where(inside{n}, {piece}, float('-inf')), axis=1))"
            return f"{made}[:, None] {tile}"
        case "unit_sum":
            return f"({sums('piece')})[:, None] {tile}"
        case "unit_mean":
            # In two steps, so that the mean of equal numbers is that number: `normalize` magnifies the rest.
            body(f"mean = ({sums('piece')}) / {size}")
            return f"(mean + ({sums('piece - mean[:, None]')}) / {size})[:, None] {tile}"
        case _:  # a cumulative sum is a product with a triangle of ones
            order = "<=" if value.op == "cumsum" else ">="
            body(f"triangle = (every[:, None] {order} units[None, :]).to(tl.float32)")
            return f"tl.dot({pieces[0]}, triangle, input_precision='ieee')"
