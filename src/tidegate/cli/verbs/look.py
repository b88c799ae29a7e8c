"""``tidegate look RUN [TEXT]``: the page that looks inside a run, or a report."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
from tidegate.errors import ArgumentError

if TYPE_CHECKING:
    from tidegate.lens.session.example_session import Givens
    from tidegate.lens.session.session import Looked
    from tidegate.train import Run

__all__ = ["look"]

HOST = "127.0.0.1"
LIVE, REPORTED = 10_000, 2_000  # characters of the held-out text that are read if none is given


def look(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What it reads; held-out text or examples if left out.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Read this file, as UTF-8 or as its task does; - is standard input.")
    ] = None,
    compare: Annotated[
        list[Path] | None, typer.Option(help="Another language model on the same text; up to three.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a report, one HTML file that works offline, and end.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="DIR", help="Write figures to this folder, and end.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")] = 0,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Look inside a run: what it expects, what each unit remembers, and which one does it."""
    if text is not None and file is not None:
        raise typer.BadParameter("give TEXT or --file, not both", param_hint="--file")
    from tidegate.train import load_run

    load_user_code(task, cell)
    runs = [load_run(folder) for folder in (run, *(compare or []))]
    with _ending_as_ctrl_c(), _looked(runs, text, file, live=out is None and png is None) as looking:
        if out is not None:
            _report(looking, out)
        if png is not None:
            _figures(looking, png)
        if out is None and png is None:
            _serve(looking, port, open_page=open_page)


def _looked(runs: list[Run], text: str | None, file: Path | None, *, live: bool) -> Looked:
    from tidegate.lens.session.text_session import Looking

    tasks = {it.config.task for it in runs}
    if tasks == {"lm"}:
        return Looking(runs, _given(runs[0], text, file, live=live))
    if len(runs) > 1:
        other = next(it for it in runs if it.config.task != "lm")
        raise ArgumentError(
            f"--compare is for language models, which read one text, but {other.folder} is a run of "
            f"{other.config.task}: look at one run at a time"
        )
    return _examples(runs[0], text, file)


def _given(run: Run, text: str | None, file: Path | None, *, live: bool) -> str:
    from tidegate.lens.session.text_session import held_out
    from tidegate.text.corpus.read_files import read_text

    if file is not None:
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            if str(file) == "-":
                file = Path(folder, "standard-input.txt")
                file.write_bytes(sys.stdin.buffer.read())
            return "".join(read_text([file]))
    if text is not None:
        if Path(text).is_file():
            note(f"note: TEXT is taken as it stands; to read the file of that name: --file {text}")
        return text
    return held_out(run, LIVE if live else REPORTED)


def _examples(run: Run, text: str | None, file: Path | None) -> Givens:
    """A run of another task with what ``tidegate predict`` would be given, and its own examples."""
    from tidegate.cli.verbs.predict import rows_given
    from tidegate.lens.session.example_session import MOST, Givens
    from tidegate.tasks.example_task import example_task

    if text is None and file is None:
        return Givens(run)
    config = run.config.model
    task = example_task(run.config.task)(config, run.vocabulary)
    files = None if file is None or str(file) == "-" else [file]
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        rows = list(islice(rows_given(task, config, files, None if text is None else [text], Path(folder)), MOST))
    if files is None:  # they stood in a file of ours
        rows = [
            replace(it, where=f"{'TEXT' if text is not None else 'standard input'} {n}") for n, it in enumerate(rows)
        ]
    return Givens(run, rows)


def _report(looking: Looked, out: Path) -> None:
    from tidegate.serve.report import write_report

    write_report(looking, out)
    typer.echo(f"The report is in {out}: one file, which works offline.")


def _figures(looking: Looked, folder: Path) -> None:
    from tidegate.serve.figures import write_figures

    written = write_figures(looking, folder)
    typer.echo(f"{len(written)} figures are in {folder}: {', '.join(path.name for path in written)}")


def _serve(looking: Looked, port: int, *, open_page: bool) -> None:
    from tidegate.io.optional import needed
    from tidegate.serve.server import application

    uvicorn = needed("uvicorn", "The page needs", extra="look")
    app = application(looking)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise ArgumentError(f"port {port} cannot be used ({error.strerror}): choose another with --port") from error
        listening.listen()  # so that whoever is told of the page can ask for it at once
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        typer.echo(f"{looking.run.folder.name} is open to view at {address} (Ctrl-C ends)")
        if open_page:
            import webbrowser

            # In a thread: a browser of the terminal returns only when it is left, and asks for the page before.
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


@contextmanager
def _ending_as_ctrl_c() -> Iterator[None]:
    """What ends a process (kill, a terminal that is closed) ends it as Ctrl-C does, so that nothing stays on disk."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has one
    changed = [it for it in numbers if signal.getsignal(it) == signal.SIG_DFL]  # nohup ignores one: it stays so
    for it in changed:
        signal.signal(it, interrupt)
    try:
        yield
    finally:
        for it in changed:
            signal.signal(it, signal.SIG_DFL)
