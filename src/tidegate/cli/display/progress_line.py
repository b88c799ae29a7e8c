"""A line on standard error that says how far a computation is, where somebody looks on."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import get_terminal_size

from tidegate.drawing.text import visible

__all__ = ["progress_line"]

EVERY = 0.1  # seconds between two lines
ERASE = "\r\x1b[K"


@contextmanager
def progress_line(what: str) -> Iterator[None]:
    """Show the progress of the block's computations in one line, which is gone at its end.

    Only a terminal shows it. The line says ``what`` until a computation says more.
    """
    if not sys.stderr.isatty():
        yield
        return
    from tidegate.lens.progress import Progress, watched

    drawn = 0.0

    def draw(text: str) -> None:
        room = get_terminal_size().columns - 1
        print(ERASE + (text if len(text) <= room else text[: room - 3] + "..."), end="", file=sys.stderr, flush=True)

    def watch(progress: Progress | None) -> None:
        nonlocal drawn
        if progress is None or time.monotonic() - drawn < EVERY:
            return
        drawn = time.monotonic()
        draw(f"{visible(progress.what)} ... {progress.share:.0%}")

    draw(what)
    try:
        with watched(watch):
            yield
    finally:
        print(ERASE, end="", file=sys.stderr, flush=True)
