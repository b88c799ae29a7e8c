"""Results that are computed once for all who wait for them, the newest first, and no longer than somebody waits."""

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import replace
from threading import Condition, Thread
from time import monotonic
from typing import Any

from tidegate.io.background import start_thread
from tidegate.lens.progress import Cancelled, Progress, pass_on, watched

LOOKS = 0.05  # seconds between two looks of someone who waits at whether to go on waiting
GRACE = 0.5  # seconds that a computation goes on for nobody: another screen may ask for the same at once


class _Computation:
    """A result that is being computed."""

    def __init__(self) -> None:
        self.number = 0  # of the newest request for it
        self.waiting = 0  # threads
        self.alone_since = 0.0
        self.finished = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.progress: Progress | None = None
        self.version = 0  # rises with each progress
        self.partial: Any = None
        self.partial_version = 0


_own: ContextVar[_Computation | None] = ContextVar("computation", default=None)


class Computations:
    """Computes results in threads of their own, one at a time.

    The newest request comes first: whenever a computation says how far it is, it lets newer ones overtake it. Requests
    for the same key share one computation. It ends when nobody waits for it any longer, the next time it says how
    far it is; those who no longer want it do not wait for that.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._by_key: dict[Hashable, _Computation] = {}
        self._ready: set[_Computation] = set()  # those that compute, or would if it was their turn
        self._turn: _Computation | None = None
        self._requests = 0
        self._threads: set[Thread] = set()
        self._stopped = False

    def result(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return the result of ``compute()``, which is called in another thread.

        What it says meanwhile is passed on to the watch of this thread. Errors are raised here.

        Raises:
            Cancelled: the watch no longer wants the result, or `stop` was called.
        """
        with self._changed:
            found = self._by_key.get(key) or self._start(key, compute)
            self._requests += 1
            found.number = self._requests
            found.waiting += 1
            own = _own.get()
            self._end_turn(own)  # one that waits for another does not compute
        try:
            self._wait(found)
        finally:
            with self._changed:
                found.waiting -= 1
                found.alone_since = monotonic()
        if own is not None:
            with self._changed:
                self._take_turn(own)
        if found.error is not None:
            raise found.error
        return found.value

    def stop(self, within: float) -> None:
        """Stop all computations, refuse new ones, and wait at most ``within`` seconds until they end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            threads = list(self._threads)
        until = monotonic() + within
        for thread in threads:
            thread.join(max(0.0, until - monotonic()))

    def _start(self, key: Hashable, compute: Callable[[], Any]) -> _Computation:
        if self._stopped:
            raise Cancelled
        self._threads = {it for it in self._threads if it.is_alive()}
        made = self._by_key[key] = _Computation()
        self._threads.add(start_thread(self._run, key, made, compute))
        return made

    def _wait(self, found: _Computation) -> None:
        seen = 0
        while True:
            news = None
            with self._changed:
                if not (found.finished or self._stopped or found.version > seen):
                    self._changed.wait(LOOKS)
                if found.finished:
                    return
                if self._stopped:
                    raise Cancelled
                if found.progress is not None and found.version > seen:
                    news = replace(found.progress, partial=found.partial if found.partial_version > seen else None)
                    seen = found.version
            pass_on(news)

    def _run(self, key: Hashable, own: _Computation, compute: Callable[[], Any]) -> None:
        _own.set(own)

        def watch(progress: Progress | None) -> None:
            with self._changed:
                self._check(key, own)
                if progress is not None:
                    own.version += 1
                    own.progress = progress
                    if progress.partial is not None:
                        own.partial, own.partial_version = progress.partial, own.version
                    self._changed.notify_all()
                # One that waits for another, whose progress this is, has no turn to give up.
                if own in self._ready and own is not self._newest():
                    self._end_turn(own)
                    self._take_turn(own)
                    self._check(key, own)

        try:
            with self._changed:
                self._take_turn(own)
                self._check(key, own)
            with watched(watch):
                own.value = compute()
        except BaseException as error:
            own.error = error
        finally:
            with self._changed:
                own.finished = True
                self._forget(key, own)
                self._end_turn(own)
                self._changed.notify_all()

    def _check(self, key: Hashable, own: _Computation) -> None:
        """Raise `Cancelled` if nobody waits any longer; from then on nobody can join."""
        if self._stopped or (not own.waiting and monotonic() - own.alone_since > GRACE):
            self._forget(key, own)
            raise Cancelled

    def _forget(self, key: Hashable, own: _Computation) -> None:
        if self._by_key.get(key) is own:
            del self._by_key[key]

    def _newest(self) -> _Computation:
        return max(self._ready, key=lambda it: it.number)

    def _take_turn(self, own: _Computation) -> None:
        self._ready.add(own)
        self._changed.wait_for(lambda: self._stopped or (self._turn is None and self._newest() is own))
        self._turn = own

    def _end_turn(self, own: _Computation | None) -> None:
        if own is None:
            return
        self._ready.discard(own)
        if self._turn is own:
            self._turn = None
        self._changed.notify_all()
