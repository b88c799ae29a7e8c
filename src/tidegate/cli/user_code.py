"""Tasks and cells of the user's own. Only what was typed on the command line is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.io.load_object import is_location

if TYPE_CHECKING:
    from tidegate.train.task import Task

__all__ = ["OwnCell", "OwnTask", "cell_name", "load_user_code", "own_task", "typed_options"]

OwnTask = Annotated[
    str | None,
    typer.Option("--task", metavar="MODULE:CLASS", help="The run's task, if it is your own; or FILE.py:CLASS."),
]
OwnCell = Annotated[
    str | None,
    typer.Option("--cell", metavar="MODULE:NAME", help="The run's cell, if it is your own; or FILE.py:NAME."),
]

_typed: dict[str, str] = {}


def load_user_code(task: str | None, cell: str | None) -> None:
    """Load and register the task and the cell of a run, so that the run can be opened."""
    if task is not None:
        own_task(task)
    if cell is not None:
        cell_name(cell)


def own_task(place: str) -> type[Task]:
    """Load and register a task from a place such as ``my_task.py:MyTask``."""
    from tidegate.train.registry import load_task

    found = load_task(place)
    _typed["--task"] = place
    return found


def cell_name(cell: str) -> str:
    """Return a cell's name; from a place such as ``my_cells.py:name`` the cell is loaded and registered first."""
    if not is_location(cell):
        return cell
    from tidegate.cells import load_cell

    found = load_cell(cell)
    _typed["--cell"] = cell
    return found.name


def typed_options() -> str:
    """Return the options that loaded the user's own code, to be repeated in the next command."""
    return "".join(f" {option} {place}" for option, place in _typed.items())
