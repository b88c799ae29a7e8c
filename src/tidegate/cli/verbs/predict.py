"""``tidegate predict RUN [FILES]``: predictions of a trained model for other data."""

from __future__ import annotations

import codecs
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.decoding_overrides import Beam, LengthPenalty, MaxLength, decoding
from tidegate.cli.devices import Device, chosen_device
from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.reading_overrides import DateFormat, Decimal, Delimiter, reading
from tidegate.cli.standard_streams import save_standard_input
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
from tidegate.drawing.text import visible
from tidegate.io.files import replacing

if TYPE_CHECKING:
    from tidegate.data.rows import Row

__all__ = ["predict"]

VALUES = "Values at steps (forecast, regress)"
TABLES = (".csv", ".parquet", ".wav")  # what `write_predictions` of a task may write
BREAK = re.compile(r"[\r\n]")


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="What to predict for. Default: standard input.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text to predict for; may be given again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines with everything about each prediction.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the lines to this file, whole or not at all; of forecast and regress a table, .csv or "
            ".parquet, or audio, .wav (regress).",
        ),
    ] = None,
    paths: Annotated[
        bool, typer.Option("--paths", help="Write all sample paths too (forecast).", rich_help_panel=VALUES)
    ] = False,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples at a time.")] = 64,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Predict for files, texts or standard input: one line each, as text or as JSON.

    Examples:
        tidegate predict runs/names --text Nakamura
        tidegate predict runs/names names.txt --json
        tidegate predict runs/airline airline.csv --out next.csv
    """
    if files and text:
        raise typer.BadParameter("give FILES or --text, not both", param_hint="--text")
    if any(not it.strip() for it in text or []):
        raise typer.BadParameter("an empty text has nothing to predict for", param_hint="--text")
    check_paths(run, files)
    from tidegate.errors import RunFolderError
    from tidegate.tasks.base_task import ExampleTask
    from tidegate.tasks.predict_rows import check_rows
    from tidegate.train import load_run

    load_user_code(task, cell)
    loaded = load_run(run, device=chosen_device(device))
    kind = loaded.task
    if not issubclass(kind, ExampleTask):
        raise RunFolderError(
            f"{run} is a run of {loaded.config.task}, which does not predict for examples. Use one of: "
            f"{', '.join(loaded.next_commands())}."
        )
    config = decoding(loaded, beam=beam, length_penalty=length_penalty, max_length=max_length)
    config = reading(loaded, config, delimiter=delimiter, decimal=decimal, date_format=date_format)
    predictor: Any = kind(config, loaded.vocabulary)
    write: Any = getattr(predictor, "write_predictions", None)
    if out is not None and any(out.exists() and path.exists() and path.samefile(out) for path in files or []):
        raise typer.BadParameter(f"{out} is among FILES: give another name", param_hint="--out")
    if out is not None and out.suffix.lower() in TABLES and (write is None or as_json):
        why = "leave --json out" if as_json else f"{run} is a run of {loaded.config.task}, which writes lines: FILE.txt"
        raise typer.BadParameter(why, param_hint="--out")
    if paths:
        if out is None or not hasattr(predictor, "keeps_paths"):
            raise typer.BadParameter("give it with --out FILE, for a run of forecast", param_hint="--paths")
        predictor.keeps_paths = True
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        given, files = bool(files or text), files_given(files, text, Path(folder))
        for line in (it for path in files for it in kind.remarks(path, config)):
            note(line)
        for line in predictor.unfamiliar(rows_of(predictor, config, files)):
            note(line)
        # Read first without predictions, so that a row that does not fit is refused before anything is written.
        check_rows(predictor, rows_of(predictor, config, files))
        rows = rows_of(predictor, config, files)
        found = predictor.predict_rows(loaded.model, rows, batch_size=batch_size)
        if out is not None and write is not None and not as_json:
            for line in write(found, out):
                note(line)
            return
        lines = (
            json.dumps(predictor.record(row, it), ensure_ascii=False) if as_json else predictor.shown(it)
            for row, it in found
        )
        count = _print(lines) if out is None else _write(lines, out)
        if not count:
            note(f"There is nothing to predict for in {', '.join(map(str, files)) if given else 'standard input'}.")


def _print(lines: Iterable[str]) -> int:
    count = 0
    for line in lines:
        count += 1
        sys.stdout.write((visible(line) if sys.stdout.isatty() else line) + "\n")
    sys.stdout.flush()
    return count


def _write(lines: Iterable[str], out: Path) -> int:
    count = 0
    with replacing(out) as file:
        for line in lines:
            count += 1
            file.write(line.encode("utf-8", "surrogatepass") + b"\n")
    note(f"{count:,} predictions are in {out}.")
    return count


def files_given(files: list[Path] | None, text: list[str] | None, folder: Path) -> list[Path]:
    """Return the files to read; texts, or standard input if neither is given, are written to a file in the folder."""
    if text is not None:
        path = folder / "text.txt"
        with replacing(path) as file:
            # A blank for each character of a line break, and a mark that readers leave out before a text's own: so
            # positions in a text are those in what was given.
            file.write(codecs.BOM_UTF8 + "".join(BREAK.sub(" ", line) + "\n" for line in text).encode())
    elif not files:
        path = folder / "standard-input.txt"
        save_standard_input(path)
    else:
        return files
    return [path]


def rows_of(task: Any, config: Any, files: list[Path]) -> Iterator[Row]:
    """Read the rows of files."""
    for path in files:
        yield from task.read(path, config)
