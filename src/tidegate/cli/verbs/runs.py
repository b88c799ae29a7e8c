"""``tidegate runs [FOLDER]...``: the runs there are, several side by side, and their metrics."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.display.board import duration, figure
from tidegate.cli.display.console import stdout
from tidegate.drawing.text import visible
from tidegate.errors import RunFolderError
from tidegate.io.hub_cache import place_name

if TYPE_CHECKING:
    from tidegate.train.listing.run_list import RunSummary

__all__ = ["runs"]

NONE = "–"


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Runs, or folders of runs. One run: show it. Default: runs."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each run, with all settings.")] = False,
    settings: Annotated[
        bool, typer.Option("--settings", help="All settings of one run, as a file for tidegate train TASK --config.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The metrics of training, by step, as CSV.")] = False,
) -> None:
    """List runs, compare several, or print their metrics.

    Examples:
        tidegate runs
        tidegate runs runs/demo
        tidegate runs runs/book-lstm runs/book-gru
        tidegate runs runs/demo --csv > demo.csv
        tidegate runs runs/demo --settings > demo.toml
    """
    if as_json + as_csv + settings > 1:
        raise typer.BadParameter("give one of --json, --settings and --csv", param_hint="--json")
    from tidegate.train.hub.hub_run import run_place
    from tidegate.train.listing.metrics_table import write_csv
    from tidegate.train.listing.run_list import find_runs

    given = [run_place(it)[0] for it in folders or [Path("runs")]]
    found = list(dict.fromkeys(run for folder in given for run in find_runs(folder)))
    if as_csv:
        write_csv(found, sys.stdout)
        return
    if settings:
        if len(found) > 1:
            raise typer.BadParameter(f"give one run, not {len(found)}", param_hint="--settings")
        from tidegate.cli.settings_file import settings_text
        from tidegate.train.listing.run_list import summarise

        text = settings_text(summarise(found[0]))
        typer.echo(visible(text) if sys.stdout.isatty() else text)
        return
    summaries, broken = _read(found)
    if as_json:
        for it in summaries:
            typer.echo(json.dumps(dataclasses.asdict(it), default=str))
        for run, problem in broken.items():
            typer.echo(json.dumps({"folder": str(run), "problem": problem}))
        return
    if summaries and found == given and folders:  # runs that were named one by one
        _compare(summaries)
    elif summaries or broken:
        _list(sorted(summaries, key=lambda it: it.written), list(broken))
    for problem in broken.values():
        stdout().print(visible(problem))


def _read(found: list[Path]) -> tuple[list[RunSummary], dict[Path, str]]:
    from tidegate.train.listing.run_list import summarise

    summaries, broken = [], {}
    for run in found:
        try:
            summaries.append(summarise(run))
        except RunFolderError as error:
            broken[run] = str(error)
    return summaries, broken


def _list(summaries: list[RunSummary], broken: list[Path]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("run", "task", "cell", "units"):
        table.add_column(heading, overflow="fold")
    for heading in ("loss", "steps"):
        table.add_column(heading, justify="right")
    table.add_column("written", no_wrap=True)
    table.add_column("state")
    for it in summaries:
        loss = NONE if it.loss is None else figure(it.loss)
        names = (place_name(it.folder), it.task, it.cell, it.layers)
        table.add_row(*map(visible, names), loss, f"{it.step:,}", f"{it.written:%Y-%m-%d}", it.state)
    for folder in broken:
        table.add_row(visible(place_name(folder)), *[NONE] * 6, "broken")
    stdout().print(table)


def _compare(summaries: list[RunSummary]) -> None:
    """Print runs side by side: results, and those settings that differ."""
    from rich.table import Table

    table = Table("", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for it in summaries:
        table.add_column(visible(place_name(it.folder)), overflow="fold")
    for name, values in {**_results(summaries), **_settings(summaries)}.items():
        table.add_row(name, *map(visible, values))
    stdout().print(table)


def _results(summaries: list[RunSummary]) -> dict[str, list[str]]:
    kinds = {it.loss_name for it in summaries}
    rows = {
        "task": [it.task for it in summaries],
        "cell": [it.cell for it in summaries],
        "units": [it.layers for it in summaries],
        "parameters": [f"{it.parameters:,}" for it in summaries],
        "validation loss": [_loss(it.loss, it.loss_name) for it in summaries],
    }
    names = dict.fromkeys(name for it in summaries for name in it.baselines) if len(kinds) == 1 else ()
    rows |= {f"  {visible(name)}": [_loss(it.baselines.get(name)) for it in summaries] for name in names}
    return rows | {
        "best at step": [f"{it.best_step:,}" for it in summaries],
        "steps taken": [f"{it.step:,}" for it in summaries],
        "time": [NONE if it.seconds is None else duration(it.seconds) for it in summaries],
        "written": [f"{it.written:%Y-%m-%d %H:%M}" for it in summaries],
        "state": [it.state for it in summaries],
    }


def _loss(loss: Any, name: str = "") -> str:
    return f"{figure(loss)} {name}".strip() if isinstance(loss, int | float) else NONE


def _settings(summaries: list[RunSummary]) -> dict[str, list[str]]:
    """Return the settings in which runs differ, with a value for each run."""
    flat = [
        {name: it.settings[part].get(name) for part in it.settings for name in it.settings[part]} for it in summaries
    ]
    found = {}
    for name in dict.fromkeys(name for it in flat for name in it):
        values = [NONE if it.get(name) is None else str(it[name]) for it in flat]
        if name not in ("cell", "hidden_size", "num_layers", "layer_sizes") and len(set(values)) > 1:
            found[visible(name)] = values
    return found
