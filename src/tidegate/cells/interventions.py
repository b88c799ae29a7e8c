"""Change chosen hidden units of a state or gate while a cell runs, for example to ablate them."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from tidegate.cells.cell import Cell
from tidegate.cells.compose import composed, new_mask
from tidegate.cells.language.expression import Expression, postorder
from tidegate.cells.language.operations import call, maximum, minimum
from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import MaskDefault, PerUnit
from tidegate.errors import CellError

Interval = tuple[float, float]
Interventions = Mapping[str, Mapping[int, float | Interval]]


def intervened(cell: Cell, interventions: Interventions) -> Cell:
    """Set chosen hidden units of a state or gate to a number, or clamp them to an interval, while a cell runs.

    A value v with interventions becomes, with low and high per hidden unit (-∞ and ∞ for those that are unchanged, both
    the number for one that is set)::

        v_t = max(min(v'_t, v_high), v_low)

    Everything that uses v uses the changed value: a c that is set changes h of this step and the next step; two names
    of one value are changed together. Initial states and the zeros after a reset are unchanged. A hidden unit that is
    set passes no gradient on. The weights are those of the cell, so ``layer.cell = intervened(layer.cell, ...)``
    intervenes on a trained layer, in all its layers and directions. The bounds are masks, ``v_low`` and ``v_high``:
    pass others for each step and sequence to `tidegate.engine.run`.

    Two hidden units cannot be swapped: the operations of the cell language are elementwise, except for products with
    weights.

    Args:
        cell: any cell.
        interventions: for each state or gate by name, the hidden units 0..H-1, each with the number it is set to or
            the interval (low, high) it is clamped to.

    Raises:
        CellError: the cell has no such value, or an intervention is neither a number nor an interval.

    Example:
        >>> from tidegate.cells import intervened, lstm
        >>> without_87 = intervened(lstm, {"c": {87: 0.0}, "f": {3: (0.5, 1.0)}})
    """
    known: list[tuple[str, tuple[tuple[int, Interval], ...]]] = []
    for name, units in interventions.items():
        if name not in cell.recorded:
            raise CellError(
                f"Intervention on {name!r}: {cell.name} has the gates and states {' '.join(cell.recorded)}."
            )
        if cell.projected and name == cell.states[0]:
            raise CellError(
                f"Intervention on {name!r}: it is projected to another size; intervene on the cell before it is "
                "projected."
            )
        known.append((name, tuple((_unit(name, unit), _interval(name, it)) for unit, it in units.items())))
    return _intervened(cell, tuple(known))


def _unit(name: str, unit: Any) -> int:
    if not isinstance(unit, int) or isinstance(unit, bool) or unit < 0:
        raise CellError(f"Intervention on {name!r}: a hidden unit is a whole number 0..H-1, got {unit!r}.")
    return unit


def _interval(name: str, intervention: Any) -> Interval:
    pair = (intervention, intervention) if isinstance(intervention, int | float) else intervention
    if isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(end, int | float) for end in pair):
        low, high = float(pair[0]), float(pair[1])
        if low <= high:
            return low, high
    raise CellError(
        f"Intervention on {name!r}: a hidden unit is set to a number or clamped to an interval (low, high), got "
        f"{intervention!r}; no value can be moved from one hidden unit to another, since operations are elementwise."
    )


def _intervened(cell: Cell, interventions: tuple[tuple[str, tuple[tuple[int, Interval], ...]], ...]) -> Cell:
    named = {**cell.step.gates, **cell.step.states}
    values, places = _numbered(named)
    bounds: dict[int | str, list[tuple[str, str]]] = {}  # of a value, by place or name: its lower and upper masks
    defaults: dict[str, MaskDefault] = {}
    for name, units in interventions:
        low, high = new_mask(cell, f"{name}_low"), new_mask(cell, f"{name}_high")
        # If a named value is a leaf (a state that is handed on, say), only the named value changes, not the leaf.
        leaf = named[name].op in ("state", "parameter", "mask")
        bounds.setdefault(name if leaf else places[name], []).append((low, high))
        defaults[low] = PerUnit(-math.inf, tuple((unit, ends[0]) for unit, ends in units))
        defaults[high] = PerUnit(math.inf, tuple((unit, ends[1]) for unit, ends in units))

    def bounded(value: Any, at: int | str, m: Any) -> Any:
        for low, high in bounds.get(at, ()):
            value = maximum(minimum(value, getattr(m, high)), getattr(m, low))
        return value

    def fn(**symbols: Any) -> Step:
        made: list[Any] = []
        for k, value in enumerate(values):
            args = [made[arg] for arg in value.args]
            direct = value.op == "recur" and values[value.args[0]][:3] == ("state", (), cell.states[0])
            made.append(bounded(_compute(value, args, symbols, direct), k, symbols["m"]))
        results = {name: bounded(made[place], name, symbols["m"]) for name, place in places.items()}
        gates = {name: results[name] for name in cell.step.gates}
        return Step(gates=gates, **{name: results[name] for name in cell.step.states})

    recipe = (intervened, (cell, {name: dict(units) for name, units in interventions}))
    return composed(cell, fn, "s m", name=f"intervened({cell.name})", masks=defaults, recipe=recipe)


class _Value(NamedTuple):
    op: str
    args: tuple[int, ...]
    name: str
    number: float


def _numbered(named: Mapping[str, Expression]) -> tuple[list[_Value], dict[str, int]]:
    """Return the expressions' values in an order in which they can be computed, and the places of the named ones.

    Equal expressions are one value: an intervention reaches them wherever they are written.
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
