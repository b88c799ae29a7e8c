"""``tidegate export RUN FILE``: a run's model as a file of another program, which the file's ending chooses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code

__all__ = ["FORMATS", "export"]


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        writer: the function of `tidegate.export` that writes it, given the run, the file and options. What it returns
            is printed.
        options: those of the command that the function takes.
    """

    writer: str
    options: frozenset[str]


FORMATS = {
    ".nam": Format("nam", frozenset({"sample_rate", "metadata"})),
    ".json": Format("rtneural", frozenset({"sample_rate", "metadata", "aida_x"})),
    ".onnx": Format("onnx", frozenset({"metadata", "lengths", "states", "step", "int8", "check"})),
}

FLAGS = {"sample_rate": "--sample-rate", "aida_x": "--no-aida-x", "check": "--no-check"}


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=".onnx: ONNX; .nam: Neural Amp Modeler; .json: RTNeural, AIDA-X (both: runs of regress).",
        ),
    ],
    sample_rate: Annotated[
        int | None,
        typer.Option(metavar="N", help="Samples per second (.nam, .json). Default: that of the run's recordings."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=TEXT", help="An entry of the file, name=Amp say, which plug-ins show; may be given again."
        ),
    ] = None,
    no_aida_x: Annotated[
        bool, typer.Option("--no-aida-x", help="Write it for RTNeural also if AIDA-X cannot play it (.json).")
    ] = False,
    lengths: Annotated[
        bool, typer.Option("--lengths", help="Add an input for the lengths of sequences (.onnx).")
    ] = False,
    states: Annotated[bool, typer.Option("--states", help="Add inputs and outputs for states (.onnx).")] = False,
    step: Annotated[bool, typer.Option("--step", help="Write the graph of one step, with states (.onnx).")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Multiply matrices in 8 bits (.onnx).")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not compare with Python first (.onnx).")] = False,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Write a run's model as a file of another program, once its outputs there are known to be Python's.

    Examples:
        tidegate export runs/amp amp.nam --metadata name=Clipper
        tidegate export runs/amp amp.json
        tidegate export runs/demo model.onnx --states
    """
    chosen = FORMATS.get(file.suffix.lower())
    if chosen is None:
        raise typer.BadParameter(
            f"{file} should be called {' or '.join(f'*{it}' for it in FORMATS)}", param_hint="FILE"
        )
    given = {"sample_rate": sample_rate, "metadata": _entries(metadata or [])}
    given |= {"aida_x": False if no_aida_x else None, "check": False if no_check else None}
    given |= {"lengths": lengths or None, "states": states or None, "step": step or None, "int8": int8 or None}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in chosen.options:
            own = " and ".join(ending for ending, it in FORMATS.items() if name in it.options)
            raise typer.BadParameter(f"it is for files called {own}", param_hint=FLAGS.get(name, f"--{name}"))
    check_paths(run)
    from tidegate import export as writers
    from tidegate.train import load_run

    load_user_code(task, cell)
    written: Any = getattr(writers, chosen.writer)(load_run(run), file, **options)
    note(str(written))


def _entries(given: Iterable[str]) -> dict[str, str] | None:
    """Return the entries of KEY=TEXT."""
    found: dict[str, str] = {}
    for it in given:
        key, equals, text = it.partition("=")
        if not key or not equals or key in found:
            raise typer.BadParameter(f"{it!r} should be KEY=TEXT, each key once", param_hint="--metadata")
        found[key] = text
    return found or None
