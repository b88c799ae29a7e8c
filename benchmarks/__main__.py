"""``python -m benchmarks``: our layers and others side by side on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.error_boundary import Guarded, note

if TYPE_CHECKING:
    from benchmarks import Job, Row

__all__ = ["app", "bench"]

RED = 1  # two implementations computed different things
QUICK_REPEATS, REPEATS = 5, 11

app = typer.Typer(name="benchmarks", cls=Guarded, pretty_exceptions_enable=False, add_completion=False)


@app.callback(invoke_without_command=True)
def bench(
    cases: Annotated[
        str | None,
        typer.Option(help="Cases, separated by commas: 32x100x512, '32x100x512 packed', or a kind, such as packed."),
    ] = None,
    cells: Annotated[
        str | None, typer.Option(help="Cells, separated by commas; FILE.py:NAME for one of your own.")
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(help="Libraries to compare with, separated by commas; torch.compile only if it is named."),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Pairs of turns per figure; default 11, or 5 with --quick.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of every library.")] = 2,
    quick: Annotated[bool, typer.Option("--quick", help="About a minute: fewer cells, cases and turns.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the report as Markdown and JSON; without it, the report is only printed."),
    ] = None,
) -> None:
    """Time our layers and those of other libraries in turns, after checking that all compute the same."""
    import torch

    from benchmarks import choose_cases, choose_peers, jobs, judge, markdown, record
    from benchmarks.layers import choose_cells
    from benchmarks.machine import describe

    chosen = choose_cases(cases, quick=quick)
    names = choose_cells(cells or ("lstm,gru,peephole_lstm" if quick else None))
    planned = jobs(chosen, names, choose_peers(peers), repeats or (QUICK_REPEATS if quick else REPEATS))
    if not planned:
        raise typer.BadParameter("no peer takes part in these cases with these cells", param_hint="--cases")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # an error here should come before half an hour of measuring
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        machine = describe()
        rows = _measured(planned)
    finally:
        torch.set_num_threads(before)
    verdicts = judge(rows)
    text = markdown(rows, verdicts, machine)
    typer.echo(text)
    if out is not None:
        _write(out, text, record(rows, verdicts, machine), machine)


def _measured(planned: list[Job]) -> list[Row]:
    from tidegate.errors import ParityError

    rows: list[Row] = []
    for k, job in enumerate(planned, 1):
        note(f"[{k}/{len(planned)}] {job.name}")
        try:
            rows += job.measure()
        except KeyboardInterrupt:
            if not rows:
                raise
            note("Interrupted: the report has what was measured before.")
            return rows
        except ParityError as error:
            note(f"tidegate: {error}")
            raise typer.Exit(RED) from None
    return rows


def _write(folder: Path, text: str, record: dict[str, object], machine: dict[str, str]) -> None:
    from tidegate.io.files import replacing, write_json

    name = re.sub(r"[^a-z0-9]+", "-", f"{machine['date']} {machine['processor']}".lower()).strip("-")
    with replacing(folder / f"{name}.md") as file:
        file.write(text.encode())
    write_json(folder / f"{name}.json", record)
    note(f"Written: {folder / name}.md and .json")


if __name__ == "__main__":
    app()
