"""Change chosen units of a state or gate while a cell runs: for ablations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from tidegate.cells.cell import Cell
from tidegate.cells.compose import composed, new_mask
from tidegate.cells.language.expression import Expression, postorder
from tidegate.cells.language.operations import call, maximum, minimum
from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import Fill, PerUnit
from tidegate.errors import CellError

Interval = tuple[float, float]
Edits = Mapping[str, Mapping[int, float | Interval]]


def intervened(cell: Cell, edits: Edits) -> Cell:
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
    values, places = _numbered(named)
    bounds: dict[int | str, list[tuple[str, str]]] = {}  # of a value's place or name: the masks it is held between
    fills: dict[str, Fill] = {}
    for name, units in edits:
        low, high = new_mask(cell, f"{name}_low"), new_mask(cell, f"{name}_high")
        # A value that is a leaf (a state handed on, say) is edited as the one that is named, not wherever the leaf is.
        leaf = named[name].op in ("state", "parameter", "mask")
        bounds.setdefault(name if leaf else places[name], []).append((low, high))
        fills[low] = PerUnit(-math.inf, tuple((unit, ends[0]) for unit, ends in units))
        fills[high] = PerUnit(math.inf, tuple((unit, ends[1]) for unit, ends in units))

    def held(value: Any, at: int | str, m: Any) -> Any:
        for low, high in bounds.get(at, ()):
            value = maximum(minimum(value, getattr(m, high)), getattr(m, low))
        return value

    def fn(**symbols: Any) -> Step:
        made: list[Any] = []
        for k, value in enumerate(values):
            args = [made[arg] for arg in value.args]
            direct = value.op == "recur" and values[value.args[0]][:3] == ("state", (), cell.states[0])
            made.append(held(_compute(value, args, symbols, direct), k, symbols["m"]))
        results = {name: held(made[place], name, symbols["m"]) for name, place in places.items()}
        gates = {name: results[name] for name in cell.step.gates}
        return Step(gates=gates, **{name: results[name] for name in cell.step.states})

    recipe = (intervened, (cell, {name: dict(units) for name, units in edits}))
    return composed(cell, fn, "s m", name=f"edited({cell.name})", masks=fills, recipe=recipe)


class _Value(NamedTuple):
    op: str
    args: tuple[int, ...]
    name: str
    number: float


def _numbered(named: Mapping[str, Expression]) -> tuple[list[_Value], dict[str, int]]:
    """The expressions' values in an order in which they can be computed, and the place of each that is named.

    Equal expressions are one value: an edit reaches them wherever they are written.
    """
    places: dict[int, int] = {}
    known: dict[_Value, int] = {}
    for node in postorder(*named.values()):
        value = _Value(node.op, tuple(places[id(arg)] for arg in node.args), node.name, node.value)
        places[id(node)] = known.setdefault(value, len(known))
    return list(known), {name: places[id(node)] for name, node in named.items()}


def _compute(value: _Value, args: list[Any], symbols: Mapping[str, Any], direct: bool) -> Any:
    match value.op:
        case "constant":
            return value.number
        case "input" | "state" | "parameter" | "mask":
            return getattr(symbols[{"input": "x", "state": "s", "parameter": "p", "mask": "m"}[value.op]], value.name)
        case "recur":
            return getattr(symbols["r"], value.name) if direct else symbols["r"](value.name, *args)
        case "project":
            return symbols["r"].project(*args)
    return call(value.op, *args)
