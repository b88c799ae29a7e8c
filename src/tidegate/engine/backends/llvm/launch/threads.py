"""Run the parts of a function's work in parallel, on PyTorch's own threads where possible.

PyTorch's operations run on the threads of an OpenMP runtime, which keep spinning for a while after each. Threads of
ours would compete with them for the cores: a training step (B=16, T=64, H=512, two cores) took 45 ms that way. If the
runtime has libgomp's entry point ``GOMP_parallel`` (libgomp, and LLVM's libomp on Linux), that runs our work on its
threads; otherwise, or with ``TIDEGATE_THREADS=pool`` in the environment, a pool of Python threads does.

A forked child has none of its parent's threads, and the thread that forked would wait for them forever, in PyTorch's
operations as in ours. Other threads of the child start their own: `on_new_threads` runs a function on one of these.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Protocol

import torch

from tidegate.engine.backends.llvm.launch.replay.noting import Noted
from tidegate.engine.backends.llvm.launch.replay.noting import launches as noting_launches
from tidegate.errors import ArgumentError

SWITCH = "TIDEGATE_THREADS"
POOL = "pool"

_STARTED = os.getpid()
_POOLS: dict[tuple[int, str], ThreadPoolExecutor] = {}


class Function(Protocol):
    """A compiled function that can run on several threads."""

    call: Callable[..., None]
    thread_entry: int


def run_parts(function: Function, table: Any, parts: int, keep_alive: object = None) -> None:
    """Run all parts of a function's work in parallel.

    Args:
        function: called with the table, the number of a part, and the number of parts.
        table: its arguments; must live until this returns.
        parts: the number of parts; fewer if there are not enough threads. Parts that wait for one another need
            `can_wait_for_one_another`.
        keep_alive: what the table's addresses belong to.
    """
    noted = noting_launches()
    if noted is not None:
        noted.append(Noted(function, table, parts, keep_alive))
        return
    runtime = openmp()
    if parts <= 1:
        function.call(table, 0, 1)
    elif runtime is not None and not lost_its_threads():
        parallel, thread_num, num_threads = runtime
        parallel(
            function.thread_entry, (ctypes.c_int64 * 3)(thread_num, num_threads, ctypes.addressof(table)), parts, 0
        )
    else:
        # Each job keeps its arguments alive: an interrupt here must not free memory that others still write to.
        pool = _pool("parts", os.cpu_count() or 1)
        others = [pool.submit(_run_part, function, table, n, parts, keep_alive) for n in range(1, parts)]
        try:
            function.call(table, 0, parts)
        finally:
            wait(others)
        for other in others:
            other.result()


def _run_part(function: Function, table: Any, n: int, parts: int, _keep_alive: object) -> None:
    function.call(table, n, parts)


def can_wait_for_one_another() -> bool:
    """Whether all parts run at the same time; those of a pool may have to queue."""
    return openmp() is not None and not lost_its_threads()


def lost_its_threads() -> bool:
    """Whether this is the main thread of a forked child, which would wait forever for its parent's OpenMP threads."""
    return os.getpid() != _STARTED and threading.current_thread() is threading.main_thread()


def on_new_threads(work: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """Call a function in a thread that has OpenMP threads, as many as this one was to use."""
    threads = torch.get_num_threads()

    def in_pool() -> Any:
        torch.set_num_threads(threads)
        with torch.no_grad():
            return work(*given, **more)

    return _pool("passes", 1).submit(in_pool).result()


@functools.cache
def openmp() -> tuple[Callable[..., None], int, int] | None:
    """Return GOMP_parallel and the addresses of omp_get_thread_num and omp_get_num_threads; None to use a pool instead.

    Raises:
        ArgumentError: the environment's ``TIDEGATE_THREADS`` is set to something unknown.
    """
    if wanted := os.environ.get(SWITCH):
        if wanted != POOL:
            raise ArgumentError(f"{SWITCH} must be {POOL}, or unset for PyTorch's own threads; it is {wanted!r}.")
        return None
    try:
        runtime = ctypes.CDLL(None)
        names = (runtime.GOMP_parallel, runtime.omp_get_thread_num, runtime.omp_get_num_threads)
    except (OSError, AttributeError, TypeError):
        return None
    parallel = names[0]
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    thread_num, num_threads = (ctypes.cast(fn, ctypes.c_void_p).value or 0 for fn in names[1:])
    return parallel, thread_num, num_threads


def _pool(name: str, threads: int) -> ThreadPoolExecutor:
    """Return a pool of this process; a forked child gets its own."""
    key = (os.getpid(), name)
    if key not in _POOLS:
        for old in [other for other in _POOLS if other[0] != key[0]]:
            del _POOLS[old]
        _POOLS[key] = ThreadPoolExecutor(threads, thread_name_prefix=f"tidegate {name}")
    return _POOLS[key]
