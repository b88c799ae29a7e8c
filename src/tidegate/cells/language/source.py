"""Where in the user's source a fault of a cell was written."""

import contextlib
import dis
import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from tidegate.errors import CellError

# A fault shows up within these packages; it was written in the innermost frame outside of them.
_NOT_THE_USERS = ("tidegate", "torch", "numpy", "contextlib", "functools")


@contextlib.contextmanager
def named_faults(cell: str, fn: Any, fallback: Callable[[Any], int | None]) -> Iterator[None]:
    """Begin the message of every fault with the cell's name and the file and line where it was written.

    What the cell's own function raises besides (a NameError, say) is a fault of the cell too.

    Args:
        cell: the cell's name.
        fn: its function.
        fallback: the line of a fault that no line of the function raised, such as a gate that is not used.

    Raises:
        CellError: the fault.
    """
    try:
        yield
    except Exception as error:
        place = _innermost(error.__traceback__)
        if not isinstance(error, CellError):
            if not place:
                raise
            what = f"{type(error).__name__}: {(str(error) or 'no message').splitlines()[0]}"
            raise CellError(f"{_head(cell, place)}: its function raised {what}") from error
        raise CellError(f"{_head(cell, place or _own(fn, fallback))}: {error}") from None


def first_line(fn: Any) -> int | None:
    """Return the line where a function begins, with its decorators."""
    return fn.__code__.co_firstlineno


def line_of_return(fn: Any) -> int | None:
    """Return the line of a function's `return`, or where the function begins if there are several."""
    found = {it.positions.lineno for it in dis.get_instructions(fn) if it.opname.startswith("RETURN_") and it.positions}
    return found.pop() if len(found) == 1 else first_line(fn)


def _innermost(traceback: TracebackType | None) -> tuple[str, int] | None:
    place = None
    while traceback:
        frame = traceback.tb_frame
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _NOT_THE_USERS:
            place = frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return place


def _own(fn: Any, line: Callable[[Any], int | None]) -> tuple[str, int] | None:
    fn = inspect.unwrap(fn)
    if not hasattr(fn, "__code__") or str(fn.__module__).partition(".")[0] in _NOT_THE_USERS:
        return None
    number = line(fn)
    return (fn.__code__.co_filename, number) if number else None


def _head(cell: str, place: tuple[str, int] | None) -> str:
    return f"Cell {cell!r} ({place[0]}, line {place[1]})" if place else f"Cell {cell!r}"
