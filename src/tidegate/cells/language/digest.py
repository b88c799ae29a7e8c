"""Cells by handle, for where a cell has to be said in a string: a compiled graph or an exported program.

A handle is the cell's name and a digest of its equations. Whatever bears one runs these equations and no others: in
another process it works once the module that defines the cell has been imported, and is refused, never
reinterpreted, where the equations have changed since. (Tidegate's own cells are always there.)
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidegate.cells.language.expression import postorder
from tidegate.errors import CellError

if TYPE_CHECKING:
    from tidegate.cells.cell import Cell

_KNOWN: dict[str, Cell] = {}


def register(it: Cell) -> str:
    """The handle of a traced cell, which `by_handle` knows from now on."""
    results = {**it.step.states, **it.step.gates}
    numbers: dict[int, int] = {}
    nodes = []
    for node in postorder(*results.values()):
        numbers[id(node)] = len(nodes)
        nodes.append((node.op, [numbers[id(arg)] for arg in node.args], node.name, node.value))
    named = [(name, numbers[id(value)]) for name, value in results.items()]
    text = repr((it.gates, it.states, it.parameters, it.masks, nodes, named))
    handle = f"{it.name}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    _KNOWN.setdefault(handle, it)
    return handle


def by_handle(handle: str) -> Cell:
    """The cell of that handle.

    Raises:
        CellError: no cell with these equations has been defined in this process.
    """
    if handle not in _KNOWN:
        name = handle.rpartition(":")[0]
        same = any(other.rpartition(":")[0] == name for other in _KNOWN)
        why = f"the {name!r} that is here has other equations" if same else "import the module that defines it"
        raise CellError(f"no cell here has the handle {handle!r}: {why}")
    return _KNOWN[handle]
