"""``tidegate probe``: which cells solve which long-term memory problems, at which lag."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import cell_name

if TYPE_CHECKING:
    from tidegate.tasks.probe.table import ProbeResult

__all__ = ["probe"]


# The defaults are those of tidegate.tasks.probe.table.probe_table; a test holds them together.
def probe(
    cells: Annotated[str, typer.Option(help="Cells, separated by commas; or my_cells.py:NAME.")] = "rnn_tanh,lstm,gru",
    problems: Annotated[
        str, typer.Option(help="Any of adding, copy, reber, brackets, temporal-order, separated by commas.")
    ] = "adding,temporal-order",
    lags: Annotated[str, typer.Option(help="Lags in steps, separated by commas.")] = "10,50,100",
    steps: Annotated[int, typer.Option(min=1, help="Maximal number of optimizer steps of each run.")] = 3000,
    hidden_size: Annotated[int, typer.Option(min=1, help="Hidden units.")] = 64,
    batch_size: Annotated[int, typer.Option(min=1, help="Sequences per batch.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate of AdamW.")] = 5e-3,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 100,
    seed: Annotated[int, typer.Option(help="Random seed of data and training.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for the runs. Default: they are not stored.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines instead of tables.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables in Markdown.")] = False,
) -> None:
    """Train every cell on every problem at every lag until it is solved or the steps are used up; print a table.

    Examples:
        tidegate probe
        tidegate probe --cells lstm,min_gru --problems copy --lags 20,100
    """
    chosen = [int(it) if it.isdigit() else _refuse(it) for it in _listed(lags)]
    from tidegate.tasks.probe.table import probe_table

    def report(result: ProbeResult) -> None:
        if as_json:
            typer.echo(json.dumps(asdict(result) | ({"value": None} if math.isnan(result.value) else {})))
            return
        outcome = f"solved at step {result.steps:,}" if result.solved else f"not solved in {result.steps:,} steps"
        if math.isnan(result.value):
            outcome = f"diverged after {result.steps:,} steps: try a smaller --learning-rate"
        note(
            f"{result.problem} {result.lag}, {result.cell}: {outcome} "
            f"({result.metric} {result.value:.3g}; {result.seconds:.0f} s)"
        )

    table = probe_table(
        [cell_name(cell) for cell in _listed(cells)],
        _listed(problems),
        chosen,
        steps=steps,
        seed=seed,
        hidden_size=hidden_size,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validate_every=validate_every,
        folder=out,
        report=report,
    )
    if not as_json:
        typer.echo(table.markdown() if markdown else table.text())


def _listed(text: str) -> list[str]:
    return [it.strip() for it in text.split(",") if it.strip()]


def _refuse(lag: str) -> int:
    raise typer.BadParameter(f"{lag!r} is not a whole number of steps", param_hint="--lags")
