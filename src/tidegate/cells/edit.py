"""Change chosen units of a state or gate while a cell runs: for ablations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidegate.cells.cell import Cell
from tidegate.cells.compose import composed, new_mask
from tidegate.cells.expression import Expression, postorder
from tidegate.cells.fill import Fill, PerUnit
from tidegate.cells.operations import call, maximum, minimum
from tidegate.cells.step import Step
from tidegate.errors import CellError

Interval = tuple[float, float]
Edits = Mapping[str, Mapping[int, float | Interval]]


def edited(cell: Cell, edits: Edits) -> Cell:
    """The cell with chosen units of a state or gate held at a number or within an interval while it runs.

    For an edited value v, with low and high per unit (-∞ and ∞ for units that are left alone, both the number for a
    unit that is held)::

        v_t = max(min(v'_t, v_high), v_low)

    Everything that sees v sees it edited: a c that is held shows in this step's h and in the next step; two names of
    one value are edited together. What the run starts with, and zeros after a reset, are not touched. A unit that is
    held passes no gradient on. The weights are the
    cell's own, so a trained layer is edited by ``layer.cell = edited(layer.cell, ...)``, in all layers and directions.
    The bounds are masks, ``v_low`` and ``v_high``: `tidegate.engine.run` takes others for each step and sequence.

    Two units cannot be swapped: the cell language works unit by unit, and has no operation that moves a value from one
    unit to another but a product with weights.

    Args:
        cell: any cell.
        edits: for each state or gate by name, its units 0..H-1, each with the number it is held at or an interval
            (low, high).

    Raises:
        CellError: the cell has no such value, or an edit is neither a number nor an interval.

    Example:
        >>> from tidegate.cells import edited, lstm
        >>> without_87 = edited(lstm, {"c": {87: 0.0}, "f": {3: (0.5, 1.0)}})
    """
    known: list[tuple[str, tuple[tuple[int, Interval], ...]]] = []
    for name, units in edits.items():
        if name not in cell.recorded:
            raise CellError(f"edit of {name!r}: {cell.name} has the gates and states {' '.join(cell.recorded)}")
        if cell.projected and name == cell.states[0]:
            raise CellError(f"edit of {name!r}: it is projected to another size; edit the cell before it is projected")
        known.append((name, tuple((_unit(name, unit), _interval(name, edit)) for unit, edit in units.items())))
    return _edited(cell, tuple(known))


def _unit(name: str, unit: Any) -> int:
    if not isinstance(unit, int) or isinstance(unit, bool) or unit < 0:
        raise CellError(f"edit of {name!r}: a unit is a whole number 0..H-1, got {unit!r}")
    return unit


def _interval(name: str, edit: Any) -> Interval:
    pair = (edit, edit) if isinstance(edit, int | float) else edit
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(end, int | float) for end in pair):
        low, high = float(pair[0]), float(pair[1])
        if low <= high:
            return low, high
    raise CellError(
        f"edit of {name!r}: a unit is held at a number or within an interval (low, high), got {edit!r}; "
        "no value can be moved from one unit to another, the cell language works unit by unit"
    )


def _edited(cell: Cell, edits: tuple[tuple[str, tuple[tuple[int, Interval], ...]], ...]) -> Cell:
    named = {**cell.step.gates, **cell.step.states}
    order = postorder(*named.values())
    numbers = _numbers(order)
    bounds: dict[int | str, list[tuple[str, str]]] = {}  # of a value's number or name: the masks it is held between
    fills: dict[str, Fill] = {}
    for name, units in edits:
        low, high = new_mask(cell, f"{name}_low"), new_mask(cell, f"{name}_high")
        # A value that is a leaf (a state handed on, say) is edited as the one that is named, not wherever the leaf is.
        whole = named[name].op in ("state", "parameter", "mask")
        bounds.setdefault(name if whole else numbers[id(named[name])], []).append((low, high))
        fills[low] = PerUnit(-math.inf, tuple((unit, ends[0]) for unit, ends in units))
        fills[high] = PerUnit(math.inf, tuple((unit, ends[1]) for unit, ends in units))

    def held(value: Any, at: int | str, m: Any) -> Any:
        for low, high in bounds.get(at, ()):
            value = maximum(minimum(value, getattr(m, high)), getattr(m, low))
        return value

    def fn(**symbols: Any) -> Step:
        made: dict[int, Any] = {}
        for node in order:
            number = numbers[id(node)]
            if number not in made:
                value = _compute(node, [made[numbers[id(arg)]] for arg in node.args], symbols, cell.states[0])
                made[number] = held(value, number, symbols["m"])
        values = {name: held(made[numbers[id(node)]], name, symbols["m"]) for name, node in named.items()}
        gates = {name: values[name] for name in cell.step.gates}
        return Step(gates=gates, **{name: values[name] for name in cell.step.states})

    recipe = (edited, (cell, {name: dict(units) for name, units in edits}))
    return composed(cell, fn, "s m", name=f"edited({cell.name})", masks=fills, recipe=recipe)


def _numbers(order: list[Expression]) -> dict[int, int]:
    """A number for every node, the same for equal expressions: an edit reaches them wherever they are written."""
    numbers: dict[int, int] = {}
    known: dict[tuple[Any, ...], int] = {}
    for node in order:
        key = (node.op, tuple(numbers[id(arg)] for arg in node.args), node.name, node.value)
        numbers[id(node)] = known.setdefault(key, len(known))
    return numbers


def _compute(node: Expression, args: list[Any], symbols: Mapping[str, Any], output: str) -> Any:
    match node.op:
        case "constant":
            return node.value
        case "input" | "state" | "parameter" | "mask":
            return getattr(symbols[{"input": "x", "state": "s", "parameter": "p", "mask": "m"}[node.op]], node.name)
        case "recur" if (node.args[0].op, node.args[0].name) == ("state", output):
            return getattr(symbols["r"], node.name)
        case "recur":
            return symbols["r"](node.name, *args)
        case "project":
            return symbols["r"].project(*args)
    return call(node.op, *args)
