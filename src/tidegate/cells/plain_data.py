"""A cell as plain data, in which nothing names a function: what a saved layer holds in place of its cell."""

from typing import Any

from tidegate.cells.cell import Cell, cell_reference, find_cell
from tidegate.cells.compose import projected, variational_dropout, with_heads, zoneout
from tidegate.cells.interventions import intervened
from tidegate.errors import CellError
from tidegate.io.wording import quoted

_COMPOSITIONS = {it.__name__: it for it in (projected, with_heads, zoneout, variational_dropout, intervened)}


def to_plain_data(cell: Cell) -> dict[str, Any]:
    """Return a cell as dicts, strings and numbers, for `from_plain_data`.

    Raises:
        CellError: another process could not find the cell: it is not at the top level of a module.
    """
    if cell.recipe is None:
        return cell_reference(cell)
    function, (inner, *arguments) = cell.recipe
    return dict(handle=cell.handle, function=function.__name__, cell=to_plain_data(inner), arguments=list(arguments))


def from_plain_data(data: dict[str, Any]) -> Cell:
    """Return the cell that `to_plain_data` was given. Nothing is imported and no function is looked up elsewhere.

    Raises:
        CellError: the cell is not defined in this process, or has other equations there.
    """
    if "function" not in data:
        return find_cell(data)
    if data["function"] not in _COMPOSITIONS:
        raise CellError(
            f"A saved cell was made with {quoted(data['function'], 200)}; known are {', '.join(_COMPOSITIONS)}."
        )
    made = _COMPOSITIONS[data["function"]](from_plain_data(data["cell"]), *data["arguments"])
    if made.handle != data["handle"]:
        raise CellError(f"{made.name!r} has other equations in this process than where it was saved.")
    return made
