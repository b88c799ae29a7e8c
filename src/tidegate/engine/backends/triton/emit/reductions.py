"""Reductions over the hidden units: every program reads whole vectors of its rows."""

from __future__ import annotations

from tidegate.engine.backends.triton.emit.leaves import load_leaf
from tidegate.engine.backends.triton.emit.python_source import Names, Source
from tidegate.engine.backends.triton.kernel_spec import KEPT, KernelSpec


def emit_reduction(spec: KernelSpec, names: Names, body: Source, kept: tuple[int, ...], k: int) -> str:
    """Load the vectors of a reduction's operand and return an expression for its result, (ROWS, UNITS).

    Args:
        spec: the kernel.
        names: of the arguments.
        body: the source.
        kept: the values that are in memory in float32.
        k: the reduction's number.
    """
    value = spec.program.values[k]
    source = value.args[0]
    size = "R" if source in spec.small else "H"
    body(f"every = tl.arange(0, {size}_PADDED)")
    body(f"inside = valid[:, None] & (every < {size})[None, :]")
    if source in kept:
        is_state = spec.program.values[source].op == "state"
        slot = f"({spec.place_of_kept(kept, source)} + {'now' if is_state else '0'})"
        place = f"{slot} * B * WIDE + rows[:, None] * WIDE + every[None, :]"
        body(f'whole = tl.load({names[KEPT]} + {place}, mask=inside, other=0.0, cache_modifier=".cg")')
        if is_state and spec.reset:
            body("whole = tl.where(border[:, None], 0.0, whole)")
    else:
        body(f"whole = {load_leaf(spec, names, source, 'every', 'inside', f'(ROWS, {size}_PADDED)')}")
    tile = "+ tl.zeros((ROWS, UNITS), tl.float32)"
    match value.op:
        case "unit_sum":
            return f"tl.sum(tl.where(inside, whole, 0.0), axis=1)[:, None] {tile}"
        case (
            "unit_mean"
        ):  # in two steps, so that the mean of equal numbers is that number: `normalize` magnifies the rest
            body(f"mean = tl.sum(tl.where(inside, whole, 0.0), axis=1)[:, None] / {size}")
            return f"mean + tl.sum(tl.where(inside, whole - mean, 0.0), axis=1)[:, None] / {size} {tile}"
        case "unit_max":
            return f'tl.max(tl.where(inside, whole, float("-inf")), axis=1)[:, None] {tile}'
        case _:  # a cumulative sum is a product with a triangle of ones
            order = "<=" if value.op == "cumsum" else ">="
            body(f"triangle = (every[:, None] {order} units[None, :]).to(tl.float32)")
            return 'tl.dot(whole, triangle, input_precision="ieee")'
