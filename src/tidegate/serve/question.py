"""A question of the page while a thread answers it: what it says meanwhile, and how it ends."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import closing, suppress
from threading import Condition
from typing import Any

from tidegate.errors import TidegateError
from tidegate.io.background import start_thread
from tidegate.lens.progress import Cancelled, Progress, watched

MOST_UNSENT = 256  # pieces of a stream that wait for a slow browser, before its thread waits
EVERY = 0.1  # seconds between two messages about progress
ENDING = "tidegate look has ended."

LOG = logging.getLogger(__name__)


class Question:
    """Answers a question in a thread of its own, which stops soon after nobody listens any longer.

    Args:
        answer: returns the answer as plain data, or its pieces, one after the other.
    """

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._changed = Condition()
        self._left = False
        self._progress: Progress | None = None
        self._partial: str | None = None
        self._pieces: deque[str] = deque()
        self._finished = False
        self._result: str | None = None
        self._error: Exception | None = None
        start_thread(self._run)

    def leave(self) -> None:
        """Stop: nobody listens any longer."""
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._tell()

    async def finished(self, within: float) -> bool:
        """Wait until it is answered, at most ``within`` seconds; return whether it is."""
        until = self._loop.time() + within
        while not self._finished and not self._left and (left := until - self._loop.time()) > 0:
            await self._wait(left)
        return self._finished

    def result(self) -> str:
        """Return the answer as JSON, once it is there.

        Raises:
            TidegateError: the question has no answer.
        """
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    async def lines(self) -> AsyncIterator[str]:
        """Yield a line of JSON for each message, as they come: progress, partial answers, pieces, and the answer."""
        while True:
            finished = self._finished  # before the messages are taken: none comes after it
            for message in self._messages():
                yield message + "\n"
            if finished or self._left:
                break
            await self._wait(None)
            if not (self._pieces or self._finished):
                await asyncio.sleep(EVERY)
        if not finished:
            yield json.dumps({"error": ENDING}) + "\n"
        elif self._error is not None:
            yield json.dumps({"error": said(self._error), "status": status(self._error)}) + "\n"
        elif self._result is not None:
            yield f'{{"answer":{self._result}}}\n'

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return
        self._news.clear()

    def _messages(self) -> Iterator[str]:
        with self._changed:
            progress, partial, pieces = self._progress, self._partial, list(self._pieces)
            self._progress = self._partial = None
            self._pieces.clear()
            self._changed.notify_all()
        if progress is not None:
            yield json.dumps({"progress": {"what": progress.what, "share": round(progress.share, 3)}})
        if partial is not None:
            yield f'{{"partial":{partial}}}'
        yield from pieces

    def _run(self) -> None:
        try:
            with watched(self._watch):
                found = self._answer()
                if isinstance(found, Generator):
                    with closing(found):
                        for piece in found:
                            self._put(as_json(piece))
                else:
                    self._result = as_json(found)
        except Cancelled:
            self._left = True
        except Exception as error:
            self._error = error
            if not isinstance(error, TidegateError):
                LOG.exception("A question of the page could not be answered.")
        self._finished = not self._left
        self._tell()

    def _watch(self, progress: Progress | None) -> None:
        shown = None if progress is None or progress.shown is None else as_json(progress.shown)
        with self._changed:
            if self._left:
                raise Cancelled
            if progress is None:
                return
            self._progress = progress
            self._partial = shown or self._partial
        self._tell()

    def _put(self, piece: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._left or len(self._pieces) < MOST_UNSENT)
            if self._left:
                raise Cancelled
            self._pieces.append(piece)
        self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server has ended
            self._loop.call_soon_threadsafe(self._news.set)


def as_json(data: Any) -> str:
    """Return plain data as JSON."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def said(error: Exception) -> str:
    """Return the message that the page shows for an error; that of a bug says where to look."""
    if isinstance(error, TidegateError):
        return str(error)
    return f"The server failed ({type(error).__name__}): see the terminal in which tidegate look runs."


def status(error: Exception) -> int:
    """Return the HTTP status of an error."""
    return 400 if isinstance(error, TidegateError) else 500
