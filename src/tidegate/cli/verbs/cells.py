"""``tidegate cells [NAME]...``: the cells, their equations and the cost of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.display.console import stdout
from tidegate.cli.user_code import cell_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.cells import Cell

__all__ = ["cells"]


def cells(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="None: list all. One: show it. More: compare them. Or my_cells.py:NAME."),
    ] = None,
    input_size: Annotated[int, typer.Option(min=1, help="Input features, for the cost of a step.")] = 128,
    hidden_size: Annotated[int, typer.Option(min=1, help="Hidden units, for the cost of a step.")] = 128,
    batch: Annotated[int, typer.Option(min=1, help="Batch size, for the cost of a step.")] = 1,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX.")] = False,
) -> None:
    """List the cells, show one's equations and conventions, or compare the cost of several.

    Examples:
        tidegate cells
        tidegate cells lstm
        tidegate cells lstm gru --hidden-size 512
    """
    from tidegate.cells import CELLS, get_cell

    chosen = [get_cell(cell_name(name)) for name in names or CELLS]
    if latex:
        typer.echo("\n\n".join(cell.latex() for cell in chosen))
    elif not names:
        _list(chosen)
    elif len(chosen) == 1:
        _show(chosen[0])
        typer.echo()
        _costs(chosen, input_size, hidden_size, batch)
    else:
        _costs(chosen, input_size, hidden_size, batch)


def _list(chosen: Sequence[Cell]) -> None:
    from rich.table import Table

    table = Table("cell", "gates", "states", "products", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for cell in chosen:
        products = f"{len(cell.input_gates)} + {len(cell.recurrent_gates)}"
        table.add_row(cell.name, " ".join(cell.gates), " ".join(cell.states), products)
    stdout().print(table)
    typer.echo("\nproducts: with the input + with the previous state, per step")
    typer.echo("Equations, paper and cost of a cell: tidegate cells lstm")


def _show(cell: Cell) -> None:
    # The equations are those of the cell itself and not of its docstring.
    typer.echo(
        "\n".join([cell.name, *(f"    {line}" for line in cell.doc.partition("\n::")[0].strip().splitlines()), ""])
    )
    typer.echo("\n".join(f"    {line}" for line in cell.text().splitlines()))
    about = {
        "gates": " ".join(cell.gates),
        "states": f"{' '.join(cell.states)} (the first is the output)",
        "per-unit vectors": " ".join(name for name in cell.parameters if name not in cell.scalars),
        "scalars": " ".join(cell.scalars),
        "masks": " ".join(cell.masks),
        "paper": cell.paper,
        "convention": cell.convention,
    }
    typer.echo()
    for name, value in about.items():
        if value:
            typer.echo(f"{name}: {value}")


def _costs(chosen: Sequence[Cell], input_size: int, hidden_size: int, batch: int) -> None:
    from rich.table import Table

    from tidegate.engine import cost

    table = Table("cell", box=None, pad_edge=False)
    for heading in ("parameters", "FLOPs a step", "bytes a step", "bytes saved for backward"):
        table.add_column(heading, justify="right")
    for cell in chosen:
        price = cost(cell, input_size, hidden_size, batch=batch)
        numbers = (price.parameters, price.flops, price.step_bytes, price.saved_bytes * batch)
        table.add_row(cell.name, *(f"{number:,}" for number in numbers))
    typer.echo(f"Input size {input_size}, hidden size {hidden_size}, batch {batch}, numbers of 4 bytes:\n")
    stdout().print(table)
