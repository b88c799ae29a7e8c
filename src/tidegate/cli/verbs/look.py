"""``tidegate look RUN [TEXT]``: the page that shows the inside of a run, or a report."""

from __future__ import annotations

import signal
import socket
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

from tidegate.cli.comparable_runs import check_comparable
from tidegate.cli.display.progress_line import progress_line
from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.standard_streams import save_standard_input
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
from tidegate.errors import ArgumentError

if TYPE_CHECKING:
    from tidegate.lens.record.held_out import Passage
    from tidegate.lens.session.example_session import ExampleSession
    from tidegate.lens.session.session import Session
    from tidegate.train import Run

__all__ = ["look"]

HOST = "127.0.0.1"
LIVE, REPORTED = 10_000, 2_000  # characters of held-out text that are read by default


def look(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text to read. Default: held-out text or examples.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Read this file, as UTF-8 or as the task's data; - is standard input.")
    ] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="Compare with another language model on the same text; up to three."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a report, one HTML file that works offline, and exit.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free port.")] = 0,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Look inside a run: its predictions, gates and states, and which hidden unit tracks what.

    Examples:
        tidegate look runs/demo
        tidegate look runs/demo --file program.py
        tidegate look runs/demo --out report.html
    """
    if text is not None and file is not None:
        raise typer.BadParameter("give TEXT or --file, not both", param_hint="--file")
    for folder in (run, *(compare or [])):
        check_paths(folder, [file] if file is not None and str(file) != "-" else [])
    from tidegate.train import load_run

    load_user_code(task, cell)
    runs = [load_run(folder) for folder in (run, *(compare or []))]
    with _ending_as_ctrl_c(), _open_session(runs, text, file, live=out is None) as session:
        if out is not None:
            _report(session, out)
        else:
            _serve(session, port, open_page=open_page)


def _open_session(runs: list[Run], text: str | None, file: Path | None, *, live: bool) -> Session:
    from tidegate.lens.session.session import Session
    from tidegate.lens.session.text_session import TextSession
    from tidegate.lens.tasks import ExampleLook, TextLook, task_look

    looks = [task_look(run) for run in runs]
    if all(isinstance(look, TextLook) for look in looks):
        shown = _passage(runs[0], text, file, live=live)
        check_comparable(runs, shown.text)
        with progress_line("Reading the text ..."):
            return TextSession(runs, *shown)
    if len(runs) > 1:
        other = next(run for run, look in zip(runs, looks, strict=True) if not isinstance(look, TextLook))
        raise ArgumentError(
            f"--compare is for language models, which read one text, but {other.place} is a run of "
            f"{other.config.task}: look at one run at a time."
        )
    if isinstance(looks[0], ExampleLook):
        return _example_session(runs[0], text, file)
    if text is not None or file is not None:
        raise ArgumentError(
            f"{runs[0].place} is a run of {runs[0].config.task}, of which only the training can be looked at: leave "
            "TEXT and --file out."
        )
    return Session(runs)


def _passage(run: Run, text: str | None, file: Path | None, *, live: bool) -> Passage:
    from tidegate.lens.record.held_out import Passage, passage
    from tidegate.text.corpus.read_files import read_text

    if file is not None:
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            if str(file) == "-":
                file = Path(folder, "standard-input.txt")
                save_standard_input(file)
            return Passage("".join(read_text([file])), "")
    if text is not None:
        if Path(text).is_file():
            note(f"note: TEXT is read as a text; to read the file of that name: --file {text}")
        return Passage(text, "")
    return passage(run, LIVE if live else REPORTED)


def _example_session(run: Run, text: str | None, file: Path | None) -> ExampleSession:
    """Return a session with the rows that ``tidegate predict`` would read, and the run's own examples."""
    from tidegate.cli.verbs.predict import files_given, rows_of
    from tidegate.lens.session.example_session import MAX_ROWS, ExampleSession
    from tidegate.tasks.base_task import example_task

    if text is None and file is None:
        return ExampleSession(run)
    config = run.config.model
    task = example_task(run.config.task)(config, run.vocabulary)
    files = None if file is None or str(file) == "-" else [file]
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        given = rows_of(task, config, files_given(files, None if text is None else [text], Path(folder)))
        rows = list(islice((it for it in given if not it.blank), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        note(f"note: the first {MAX_ROWS:,} examples can be looked at")
        rows = rows[:MAX_ROWS]
    if files is None:  # they were read from a temporary file
        source = "TEXT" if text is not None else "standard input"
        rows = [replace(it, where=f"{source} {n}") for n, it in enumerate(rows)]
    return ExampleSession(run, rows)


def _report(session: Session, out: Path) -> None:
    from tidegate.serve.report import write_report

    with progress_line("Computing what the report shows ..."):
        write_report(session, out)
    typer.echo(f"The report is in {out}: one file, which works offline.")


def _serve(session: Session, port: int, *, open_page: bool) -> None:
    from tidegate.serve.serving import page_server

    serve = page_server(session, lambda: note("\nEnding ..."))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise ArgumentError(
                f"Port {port} cannot be used ({error.strerror}): choose another with --port."
            ) from error
        listening.listen()  # before the address is printed, so that it can be opened at once
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        typer.echo(f"{session.run.label} is open to view at {address} (Ctrl-C ends)")
        if open_page:
            import webbrowser

            # In a thread: a text browser returns only when it is closed, and needs the page before.
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        serve(listening)


@contextmanager
def _ending_as_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C while the block runs, so that temporary files are deleted."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has one
    changed = [it for it in numbers if signal.getsignal(it) == signal.SIG_DFL]  # one that nohup ignores stays ignored
    for it in changed:
        signal.signal(it, interrupt)
    try:
        yield
    finally:
        for it in changed:
            signal.signal(it, signal.SIG_DFL)
