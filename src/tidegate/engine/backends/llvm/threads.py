"""Run the shares of a launch side by side, on PyTorch's own threads where they can be had.

PyTorch's products run on the threads of an OpenMP runtime, which keep spinning for a while after each. Threads of ours
would have to share the cores with them: a training step (B=16, T=64, H=512, two cores) took 45 ms so. Where that
runtime is libgomp its threads are asked through its own entry point, ``GOMP_parallel``; elsewhere, and in a forked
child, whose OpenMP threads are gone, a pool of Python threads does it.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

Share = tuple[Any, int, Any]  # row numbers, their count, and room for as many numbers
_STARTED = os.getpid()
_POOLS: dict[int, ThreadPoolExecutor] = {}


def run_shares(call: Callable[..., None], together: int, table: Any, shares: Sequence[Share]) -> None:
    """Call a kernel once for each share.

    Args:
        call: the kernel.
        together: the address of the function whose IR is `together`.
        table: the kernel's table.
        shares: what each call is given besides the table.
    """
    if len(shares) <= 1:
        for share in shares:
            call(table, *share)
        return
    runtime = _openmp()
    if runtime is not None and os.getpid() == _STARTED:
        parallel, thread_num, num_threads = runtime
        entries = [thread_num, num_threads, ctypes.addressof(table), len(shares)]
        for rows, count, room in shares:
            entries += [ctypes.addressof(rows), count, ctypes.addressof(room)]
        parallel(together, (ctypes.c_int64 * len(entries))(*entries), len(shares), 0)
        return
    # Each job holds what it was given: an interrupt here must not free what others still write to.
    others = [_pool().submit(call, table, *share) for share in shares[1:]]
    try:
        call(table, *shares[0])
    finally:
        wait(others)
    for other in others:
        other.result()


def together(kernel: str) -> str:
    """The IR of the function that each OpenMP thread runs: every n-th share, beginning with its own number.

    There may be fewer threads than shares, when others have taken them. (Text, because llvmlite's builder cannot call
    through a pointer that has no type.)
    """
    return f"""
define void @{kernel}_together(ptr %data) {{
entry:
  %thread_num = load ptr, ptr %data
  %at1 = getelementptr i64, ptr %data, i64 1
  %num_threads = load ptr, ptr %at1
  %at2 = getelementptr i64, ptr %data, i64 2
  %table = load ptr, ptr %at2
  %at3 = getelementptr i64, ptr %data, i64 3
  %shares = load i64, ptr %at3
  %mine = call i32 %thread_num()
  %threads = call i32 %num_threads()
  %first = sext i32 %mine to i64
  %step = sext i32 %threads to i64
  br label %head
head:
  %share = phi i64 [ %first, %entry ], [ %next, %body ]
  %more = icmp slt i64 %share, %shares
  br i1 %more, label %body, label %done
body:
  %place = mul i64 %share, 3
  %own = getelementptr i64, ptr %at3, i64 %place
  %at_rows = getelementptr i64, ptr %own, i64 1
  %at_count = getelementptr i64, ptr %own, i64 2
  %at_room = getelementptr i64, ptr %own, i64 3
  %rows = load ptr, ptr %at_rows
  %count = load i64, ptr %at_count
  %room = load ptr, ptr %at_room
  call void @{kernel}(ptr %table, ptr %rows, i64 %count, ptr %room)
  %next = add i64 %share, %step
  br label %head
done:
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


def _pool() -> ThreadPoolExecutor:
    """This process's threads; a forked child starts its own."""
    if os.getpid() not in _POOLS:
        _POOLS.clear()
        _POOLS[os.getpid()] = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="tidegate")
    return _POOLS[os.getpid()]
