"""Threads that a process does not wait for when it ends."""

from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Any
from weakref import WeakSet

_started: WeakSet[Thread] = WeakSet()


def start_thread(run: Callable[..., Any], *given: Any) -> Thread:
    """Call a function in a thread of its own, which does not keep the process from ending."""
    thread = Thread(target=run, args=given, daemon=True)
    _started.add(thread)
    thread.start()
    return thread


def is_busy(within: float = 0.0) -> bool:
    """Return whether such a thread still runs after waiting for at most ``within`` seconds.

    It may be inside a library's C++ then, where the interpreter cannot end it: only `os._exit` ends the process safely.
    """
    until = monotonic() + within
    for thread in list(_started):
        thread.join(max(0.0, until - monotonic()))
    return any(thread.is_alive() for thread in _started)
