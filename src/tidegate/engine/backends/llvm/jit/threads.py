"""Run the parts of a function's work side by side, on PyTorch's own threads where they can be had.

PyTorch's products run on the threads of an OpenMP runtime, which keep spinning for a while after each. Threads of ours
would have to share the cores with them: a training step (B=16, T=64, H=512, two cores) took 45 ms so. Where that
runtime is libgomp its threads are asked through its own entry point, ``GOMP_parallel``; elsewhere a pool of Python
threads does it.

A fork leaves its threads behind, and the thread that forked would wait for them for ever, in PyTorch's operations as in
ours. Other threads of the child start threads of their own: `on_living_threads` does a pass on one of these.
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

_STARTED = os.getpid()
_POOLS: dict[tuple[int, str], ThreadPoolExecutor] = {}


class Function(Protocol):
    """What can be run on several threads."""

    call: Callable[..., None]
    together: int


def run_parts(function: Function, table: Any, parts: int, keep: object = None) -> None:
    """Do each part of a function's work, side by side.

    Args:
        function: called with the table, the number of a part, and how many there are.
        table: what it is given; must live until this returns.
        parts: how many there are; fewer where threads are scarce. Parts that wait for one another need `meetable`.
        keep: what the table's addresses belong to.
    """
    runtime = _openmp()
    if parts <= 1:
        function.call(table, 0, 1)
    elif runtime is not None and not lost_its_threads():
        parallel, thread_num, num_threads = runtime
        parallel(function.together, (ctypes.c_int64 * 3)(thread_num, num_threads, ctypes.addressof(table)), parts, 0)
    else:
        # Each job holds what it was given: an interrupt here must not free what others still write to.
        others = [
            _pool("parts", os.cpu_count() or 1).submit(_part, function, table, n, parts, keep) for n in range(1, parts)
        ]
        try:
            function.call(table, 0, parts)
        finally:
            wait(others)
        for other in others:
            other.result()


def _part(function: Function, table: Any, n: int, parts: int, _keep: object) -> None:
    function.call(table, n, parts)


def meetable() -> bool:
    """Whether parts run at the same time, so that they may wait for one another: a pool's might stand in a queue."""
    return _openmp() is not None and not lost_its_threads()


@functools.cache
def cores() -> int:
    """The cores that this process may use: more parts had better not wait for one another."""
    if _openmp() is not None:  # a thread that OMP_PROC_BIND has bound to one core would see no other
        return ctypes.CDLL(None).omp_get_num_procs()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lost_its_threads() -> bool:
    """Whether this is the thread of a forked child that forked: it waits for ever for the OpenMP threads it had."""
    return os.getpid() != _STARTED and threading.current_thread() is threading.main_thread()


def on_living_threads(work: Callable[..., Any], *given: Any, **more: Any) -> Any:
    """Do something, in a thread that has its OpenMP threads, with as many as this one was to have."""
    threads = torch.get_num_threads()

    def there() -> Any:
        torch.set_num_threads(threads)
        with torch.no_grad():
            return work(*given, **more)

    return _pool("passes", 1).submit(there).result()


def together(function: str) -> str:
    """The IR of what each OpenMP thread runs: the part of its own number, of as many as there are threads.

    (Text, because llvmlite's builder cannot call through a pointer that has no type.)
    """
    return f"""
define void @{function}_together(ptr %data) {{
  %thread_num = load ptr, ptr %data
  %at1 = getelementptr i64, ptr %data, i64 1
  %num_threads = load ptr, ptr %at1
  %at2 = getelementptr i64, ptr %data, i64 2
  %table = load ptr, ptr %at2
  %mine = call i32 %thread_num()
  %threads = call i32 %num_threads()
  %part = sext i32 %mine to i64
  %parts = sext i32 %threads to i64
  call void @{function}(ptr %table, i64 %part, i64 %parts)
  ret void
}}
"""


@functools.cache
def _openmp() -> tuple[Callable[..., None], int, int] | None:
    """GOMP_parallel, and the addresses of omp_get_thread_num and omp_get_num_threads; None without libgomp."""
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
    """This process's threads; a forked child starts its own."""
    key = (os.getpid(), name)
    if key not in _POOLS:
        for old in [other for other in _POOLS if other[0] != key[0]]:
            del _POOLS[old]
        _POOLS[key] = ThreadPoolExecutor(threads, thread_name_prefix=f"tidegate {name}")
    return _POOLS[key]
