"""Tasks and cells of the user's own. Only what was typed on the command line is imported."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.io.load_object import is_location

__all__ = ["OwnCell", "OwnTask", "cell_name", "load_user_code"]

OwnTask = Annotated[
    str | None,
    typer.Option("--task", metavar="MODULE:CLASS", help="The run's task, if it is your own; or FILE.py:CLASS."),
]
OwnCell = Annotated[
    str | None,
    typer.Option("--cell", metavar="MODULE:NAME", help="The run's cell, if it is your own; or FILE.py:NAME."),
]


def load_user_code(task: str | None, cell: str | None) -> None:
    """Load and register the task and the cell of a run, so that the run can be opened."""
    if task is not None:
        from tidegate.train.registry import load_task

        load_task(task)
    if cell is not None:
        from tidegate.cells import load_cell

        load_cell(cell)


def cell_name(cell: str) -> str:
    """Return a cell's name; a place such as ``my_cells.py:name`` is loaded and registered first."""
    if not is_location(cell):
        return cell
    from tidegate.cells import load_cell

    return load_cell(cell).name
