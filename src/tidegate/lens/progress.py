"""How long computations say how far they are, and how they are stopped.

A computation calls `report_progress` now and then. What that does is decided where it was started (`watched`):
a terminal shows a line, the page's server sends it to the browser, and both may stop it by raising `Cancelled`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


class Cancelled(BaseException):
    """Nobody waits for the result any longer. Like KeyboardInterrupt, it passes every ``except Exception``."""


@dataclass(frozen=True)
class Progress:
    """How far a computation is.

    Attributes:
        what: what is done, such as "Searching the hidden units".
        share: the share that is done, 0 to 1.
        partial: what is known of the result so far, or None.
        shown: what `partial_as` made of it for the outer watch, or None.
    """

    what: str
    share: float
    partial: Any = None
    shown: Any = None


Watch = Callable[[Progress | None], None]
"""Called with the progress, or with None where there is nothing to say; raises `Cancelled` to stop the computation."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


def report_progress(what: str, share: float, partial: Any = None) -> None:
    """Say how far a computation is.

    Args:
        what: what is done.
        share: the share that is done, 0 to 1.
        partial: what is known of the result so far.

    Raises:
        Cancelled: nobody waits for the result any longer.
    """
    pass_on(Progress(what, share, partial))


def pass_on(progress: Progress | None = None) -> None:
    """Hand progress to the watch of this thread; without progress, only let it stop the computation.

    Raises:
        Cancelled: nobody waits for the result any longer.
    """
    watch = _watch.get()
    if watch is not None:
        watch(progress)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Watch the computations of this thread within the block, in place of an outer watch."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


@contextmanager
def partial_as(show: Callable[[Any], Any]) -> Iterator[None]:
    """Let an outer watch have what a function makes of the partial results within the block."""
    with _changed(lambda it: it if it.partial is None else replace(it, partial=None, shown=show(it.partial))):
        yield


@contextmanager
def part_of(whole: str) -> Iterator[None]:
    """Put what the whole is before what the computations within the block say they do."""
    with _changed(lambda it: replace(it, what=f"{whole}: {it.what}")):
        yield


@contextmanager
def _changed(change: Callable[[Progress], Progress]) -> Iterator[None]:
    outer = _watch.get()

    def watch(progress: Progress | None) -> None:
        if outer is not None:
            outer(None if progress is None else change(progress))

    with watched(watch):
        yield
