"""Standard input, output and error: closed by the program that started the command, full, or left by their reader."""

import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from tidegate.drawing.text import visible
from tidegate.errors import DataError
from tidegate.io.files import named_errors, replacing

__all__ = ["flush_output", "note", "open_output", "save_standard_input"]

BLOCK = 1 << 20


def open_output() -> None:
    """Prepare the standard streams.

    Where one is closed, as some schedulers start commands, its number would be that of the next file opened, and what
    is printed would go there: the null device takes its place. Characters that a terminal cannot show are written as
    escapes.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, and so this one
    sys.stdout, sys.stderr = _opened(sys.stdout, "standard output"), _opened(sys.stderr, "standard error")


def _opened(stream: TextIO | None, name: str) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if type(raw) is not io.FileIO:  # a console of Windows
        stream.reconfigure(errors="backslashreplace")
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(raw.fileno(), name)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Output(io.FileIO):
    """A standard stream whose errors name it."""

    def __init__(self, number: int, label: str) -> None:
        super().__init__(number, "w", closefd=False)
        self.label = label

    def write(self, part: Any, /) -> int:
        """Write as much as the file takes."""
        with named_errors(self.label):
            return super().write(part)


def note(message: str) -> None:
    """Print a remark on stderr, so that piped output stays clean."""
    print(visible(message), file=sys.stderr, flush=True)


def flush_output() -> OSError | None:
    """Write what is still in the buffers; drop what cannot be written, and return the first error."""
    found = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            found = found or error
            _drop(stream)
    return found


def save_standard_input(path: Path) -> None:
    """Write standard input to a file.

    Raises:
        DataError: it is closed.
        OSError: it cannot be read, or the file cannot be written.
    """
    if sys.stdin is None:
        raise DataError("Standard input is closed: give what is to be read as files or on the command line.")
    with replacing(path) as file:
        while True:
            with named_errors("standard input"):
                block = sys.stdin.buffer.read(BLOCK)
            if not block:
                return
            file.write(block)


def _drop(stream: TextIO) -> None:
    """Send a stream to the null device: Python writes its buffer once more when it exits."""
    with suppress(io.UnsupportedOperation):  # a stream in memory
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
