"""Saturation of gates: the share of steps in which each hidden unit's gate is nearly shut or fully open.

The share of steps below 0.1 (left-saturated) and above 0.9 (right-saturated), as in Figure 2 of Karpathy, Johnson &
Fei-Fei 2015, Visualizing and Understanding Recurrent Networks. A saturated gate passes almost no gradient to its
inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.cells import Cell, get_cell
from tidegate.cells.language.expression import Expression
from tidegate.drawing import table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import Table, table_text
from tidegate.lens.record.trace import Place, Trace

Squashing = Literal["sigmoid", "tanh"]
BOUNDS: Mapping[Squashing, tuple[float, float]] = {"sigmoid": (0.1, 0.9), "tanh": (-0.9, 0.9)}


@dataclass(frozen=True)
class Saturation:
    """Shares of steps, 0 to 1.

    Attributes:
        kinds: the function that each name's value is an output of: "sigmoid", in (0, 1), or "tanh", in (-1, 1).
        low: for each (layer, direction) and name, the share of steps below 0.1 of each hidden unit (H,); of a tanh
            below -0.9.
        high: the share above 0.9.
    """

    kinds: Mapping[str, Squashing]
    low: Mapping[Place, Mapping[str, NDArray[np.float64]]]
    high: Mapping[Place, Mapping[str, NDArray[np.float64]]]

    def shares(self, place: Place, name: str) -> tuple[float, float]:
        """Return the shares below and above over all hidden units and steps.

        Raises:
            ArgumentError: there is no such layer, direction or name.
        """
        if name not in self.low.get(place, {}):
            known = [(at, called) for at, names in self.low.items() for called in names]
            raise ArgumentError(f"There is no {name!r} at {place}: choose one of {', '.join(map(str, known))}.")
        return float(self.low[place][name].mean()), float(self.high[place][name].mean())

    def __str__(self) -> str:
        return table_text(*self._table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the shares of steps, and the number of units that are near an end most of the time."""
        return table_html(*self._table(), caption="Share of steps near an end; units that are there most of the time")

    def _table(self) -> Table:
        rows = [
            [*place, name, kind, *self.shares(place, name)]
            + [f"{int((side[place][name] > 0.5).sum())} of {len(side[place][name])}" for side in (self.low, self.high)]
            for place in self.low
            for name, kind in self.kinds.items()
        ]
        return rows, ("layer", "direction", "value", "kind", "low", "high", "units mostly low", "mostly high")


def saturation(trace: Trace, cell: Cell | str) -> Saturation:
    """Return the share of steps in which each gate, or other sigmoid or tanh, is near an end of its range.

    Args:
        trace: a trace of at least one step.
        cell: the cell that was traced, or its name: its equations say which values are sigmoids or tanhs.

    Raises:
        ArgumentError: the trace is of another cell, or has no sigmoid or tanh.
        CellError: no cell has that name.
    """
    cell = get_cell(cell)
    check_cell(trace, cell)
    kinds: dict[str, Squashing] = {name: kind for name, kind in squashed(cell).items() if name in trace.names}
    if not kinds:
        raise ArgumentError(
            f"None of {', '.join(trace.names)}, which were recorded of {cell.name}, is a sigmoid or tanh; "
            f"its sigmoids and tanhs are: {', '.join(squashed(cell)) or 'none'}."
        )
    low, high = (
        {
            place: {name: _share(values[name], BOUNDS[kind][side], side) for name, kind in kinds.items()}
            for place, values in trace.values.items()
        }
        for side in (0, 1)
    )
    return Saturation(kinds, low, high)


def _share(values: NDArray[np.floating], bound: float, side: int) -> NDArray[np.float64]:
    return (values > bound if side else values < bound).mean(0, dtype=np.float64)


def squashed(cell: Cell) -> dict[str, Squashing]:
    """Return the gates and states that are sigmoids or tanhs, from the cell's equations.

    1 - σ(a) = σ(-a) is a sigmoid too, and so is one with an intervention (`tidegate.cells.intervened`). A product, such
    as o ⊙ tanh(c), is neither: it is small for other reasons as well.
    """
    named = {**cell.step.gates, **cell.step.states}
    return {name: kind for name in cell.recorded if (kind := _squashing(named[name])) is not None}


def _squashing(it: Expression) -> Squashing | None:
    if it.op == "sigmoid":
        return "sigmoid"
    if it.op == "tanh":
        return "tanh"
    if it.op in ("minimum", "maximum") and it.args[1].op == "mask":
        return _squashing(it.args[0])
    if it.op == "sub" and it.args[0].op == "constant" and it.args[0].value == 1:
        return "sigmoid" if _squashing(it.args[1]) == "sigmoid" else None
    return None


def check_cell(trace: Trace, cell: Cell) -> None:
    """Check that a trace has no names that the cell does not have.

    Raises:
        ArgumentError: it has some.
    """
    if unknown := [name for name in trace.names if name not in cell.recorded]:
        raise ArgumentError(
            f"The trace has {unknown[0]!r}, but {cell.name} has {', '.join(cell.recorded)}: give the traced cell."
        )
