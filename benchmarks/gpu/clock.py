"""Time on a device: contenders in turns, each in blocks of calls between two events of the device."""

from __future__ import annotations

import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks.measure import Pairs, spread

Run = Callable[[int], Any]
BLOCK = 0.01  # minimum seconds of a block: shorter calls are repeated in it, so that the host may run ahead
FLUSHED = 128 << 20  # bytes, more than the second-level cache of any GPU today


def rounds(contenders: Mapping[str, Run], device: torch.device, repeats: int) -> dict[str, list[float]]:
    """Return the seconds a call of each contender, round by round; the one that begins changes from round to round.

    Args:
        contenders: by name; each is called with a number that grows from call to call, by which it chooses its input.
        device: where they run.
        repeats: the number of rounds.
    """
    counts = {name: itertools.count() for name in contenders}
    calls = {name: _calls(run, counts[name], device) for name, run in contenders.items()}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for k in range(repeats):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            taken[name].append(_block(contenders[name], counts[name], calls[name], device))
    return taken


def pairs_of(first: list[float], second: list[float]) -> Pairs:
    """Return the ratios of two contenders, first to second, of each round."""
    return Pairs(spread([a / b for a, b in zip(first, second, strict=True)]), spread(first), spread(second))


def _calls(run: Run, count: itertools.count[int], device: torch.device) -> int:
    """Count the calls that fill a block, which also warms up the contender."""
    for _ in range(2):
        run(next(count))
    took = statistics.median(_block(run, count, 1, device) for _ in range(3))
    return max(1, math.ceil(BLOCK / max(took, 1e-7)))


def _block(run: Run, count: itertools.count[int], calls: int, device: torch.device) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        for _ in range(calls):
            run(next(count))
        return (time.perf_counter() - start) / calls
    _buffer(device).zero_()  # so that inputs and weights come from memory
    torch.cuda.synchronize(device)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(calls):
        run(next(count))
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / calls


@functools.cache
def _buffer(device: torch.device) -> torch.Tensor:
    return torch.empty(FLUSHED, dtype=torch.uint8, device=device)


def captured(run: Run, inputs: int) -> Run:
    """Return a contender that replays CUDA graphs of ``run``, one for each of its inputs."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for k in range(max(3, inputs)):
            run(k)
    torch.cuda.current_stream().wait_stream(side)
    graphs: list[torch.cuda.CUDAGraph] = []
    results: list[Any] = []
    for k in range(inputs):
        graphs.append(torch.cuda.CUDAGraph())
        with torch.cuda.graph(graphs[-1]):
            results.append(run(k))

    def replay(k: int) -> Any:
        graphs[k % inputs].replay()
        return results[k % inputs]

    return replay
