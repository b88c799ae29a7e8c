"""Cells by name: those of Tidegate, and a user's own once they are registered."""

import difflib

from tidegate.cells.cell import Cell
from tidegate.cells.zoo import gru, irregular_times, layer_norm, light, lstm, minimal, odyssey, ordered, rnn, xlstm
from tidegate.errors import CellError
from tidegate.io.load_object import is_location, load_object
from tidegate.io.wording import quoted

ZOO = (rnn, lstm, layer_norm, odyssey, gru, minimal, light, irregular_times, ordered, xlstm)

CELLS: dict[str, Cell] = {it.name: it for module in ZOO for it in vars(module).values() if isinstance(it, Cell)}
"""Every cell that comes with Tidegate, by name."""

_REGISTERED: dict[str, Cell] = {}


def get_cell(cell: str | Cell) -> Cell:
    """Return the cell of a name, or the cell itself.

    Nothing is imported, so names that were read from files are safe.

    Raises:
        CellError: no cell has that name; the message lists similar names, then all.
    """
    if isinstance(cell, Cell):
        return cell
    for cells in (CELLS, _REGISTERED):
        if cell in cells:
            return cells[cell]
    names = [*CELLS, *_REGISTERED]
    near = difflib.get_close_matches(str(cell), names, n=3)
    guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    load, where = ("Load it", cell) if is_location(str(cell)) else ("Load one of your own", "my_cells.py:name")
    raise CellError(
        f"No cell is called {quoted(cell, 200)}{guess} The cells are: {', '.join(names)}. "
        f"{load} with tidegate.cells.load_cell({quoted(where, 200)})."
    )


def register_cell(cell: Cell) -> Cell:
    """Register a cell of your own, so that its name is accepted wherever a cell's name is.

    It is also a decorator, to be written above `cell`.

    Args:
        cell: the cell. An equal cell may be registered again.

    Returns:
        The cell.

    Raises:
        CellError: it is not a cell, or another cell has that name.

    Example:
        >>> import tidegate
        >>> from tidegate.cells import Step, cell, register_cell, tanh
        >>> @register_cell
        ... @cell(gates="n")
        ... def plain(x, r):
        ...     return Step(h=tanh(x.n + r.n))
        >>> layer = tidegate.nn.Recurrent("plain", 8, 16)
    """
    if not isinstance(cell, Cell):
        raise CellError(f"register_cell takes a Cell, but was given {type(cell).__name__}: write @cell(...) below it.")
    known = CELLS.get(cell.name) or _REGISTERED.get(cell.name)
    if known is not None and known.definition != cell.definition:
        raise CellError(
            f"Another cell is called {cell.name!r} already, with other equations or initial values: rename yours."
        )
    if cell.name not in CELLS:
        _REGISTERED[cell.name] = cell
    return cell


def load_cell(where: str) -> Cell:
    """Load a cell from a Python file or module, and register it by its name.

    This runs the file: pass what the user typed, never a name that was read from a file.

    Args:
        where: ``FILE.py:NAME`` or ``MODULE:NAME``.

    Raises:
        CellError: there is no such file, module or name, it is not a cell, its name is taken, or the file's own code
            failed; the message says at which line.

    Example: ``load_cell("my_cells.py:two_speeds")``, then ``Recurrent("two_speeds", 8, 16)``.
    """
    found = load_object(where, "cell", CellError)
    if not isinstance(found, Cell):
        raise CellError(f"{where} is not a cell, but of type {type(found).__name__}: write @cell(...) above it.")
    return register_cell(found)
