"""Peak performance of the machine, measured once in a process."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch

from tidegate.engine.dispatch import BACKENDS
from tidegate.engine.explain.explanation import Peaks

SIZE = 512  # of the square matrices: their three fit a second-level cache or nearly so
MEMORY = 1 << 26  # bytes read and copied
SECONDS = 0.08  # for each of the two measurements


def measured_peaks(dtype: torch.dtype) -> Peaks:
    """Measure the most FLOP/s and bytes/s that this process reaches with the current number of PyTorch threads.

    FLOPs: a product of square matrices by PyTorch, by oneDNN, and by each backend that has its own. Bytes: a sum over a
    large vector, and a copy of it (counted as read and written). Each group runs in turns for 80 ms, and the best
    single call counts; on a busy machine the result may be too low. Measured once for each number of threads, and for
    the dtype of what products multiply: float64, bfloat16, or float32 for all others.
    """
    threads, measured = torch.get_num_threads(), (torch.float64, torch.bfloat16)
    return Peaks(_flops(dtype if dtype in measured else torch.float32, threads), _bandwidth(threads), threads)


@functools.cache
def _flops(dtype: torch.dtype, _threads: int) -> float:
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        a = torch.ones(SIZE, SIZE, dtype=dtype, device="cpu")
        own = [backend.matrix_product() for backend in BACKENDS]
        products = [torch.matmul, *(product for product in own if product is not None)]
        ways = [functools.partial(product, a, a) for product in products]
        if torch.backends.mkldnn.is_available() and dtype == torch.float32:
            ways.append(functools.partial(torch.nn.functional.linear, a.to_mkldnn(), a.to_mkldnn()))
        return 2 * SIZE**3 / min(_best(ways))


@functools.cache
def _bandwidth(_threads: int) -> float:
    with torch.no_grad():
        source = torch.ones(MEMORY // 4, dtype=torch.float32, device="cpu")
        target = torch.empty_like(source)
        read, copied = _best([source.sum, lambda: target.copy_(source)])
        return max(MEMORY / read, 2 * MEMORY / copied)


def _best(ways: list[Callable[[], Any]]) -> list[float]:
    """Return the shortest time of a call of each function; the first calls are not counted."""
    for way in ways:
        way()
    best, end = [float("inf")] * len(ways), time.perf_counter() + SECONDS
    while best[0] == float("inf") or time.perf_counter() < end:
        for n, way in enumerate(ways):
            start = time.perf_counter()
            way()
            best[n] = min(best[n], time.perf_counter() - start)
    return best
