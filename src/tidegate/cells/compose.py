"""Functions from cell to cell."""

from __future__ import annotations

import functools
import inspect
from dataclasses import replace
from typing import Any

from tidegate.cells.cell import Cell
from tidegate.cells.step import Step


@functools.cache
def projected(cell: Cell) -> Cell:
    """The cell with its output state projected to fewer units, h_t = W_hr h'_t (Sak, Senior & Beaufays 2014).

    The other states keep their size; every recurrent product takes the projected state.

    Raises:
        CellError: the cell uses h_{t-1} outside a recurrent product, where the sizes no longer fit.
    """
    output = cell.states[0]

    def fn(**symbols: Any) -> Step:
        step = cell.fn(**{name: symbols[name] for name in cell.arguments})
        states = {**step.states, output: symbols["r"].project(step.states[output])}
        return Step(gates=step.gates, **states)

    names = tuple(dict.fromkeys((*cell.arguments, "r")))
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    fn.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # pyright: ignore[reportFunctionMemberAccess]
    return replace(cell, name=f"projected({cell.name})", fn=fn, recipe=(projected, (cell,)))
