"""Timing in turns: two contenders alternate, so that changes of the machine's speed affect both."""

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SETTLE = 0.005  # seconds between turns: the threads of a runtime spin for a while after a product
BLOCK = 0.02  # minimum seconds of a turn: short calls are repeated within it


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Pairs:
    """The times of two contenders.

    Attributes:
        ratio: of the pairs, first to second.
        first: seconds a call.
        second: seconds a call.
    """

    ratio: Spread
    first: Spread
    second: Spread


def spread(values: list[float]) -> Spread:
    """Return the median and quartiles of values; for one value, the value."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return Spread(median, low, high)


def pairs(
    first: Callable[[], Any],
    second: Callable[[], Any],
    repeats: int,
    *,
    clock: Callable[[], float] | None = None,
) -> Pairs:
    """Time two functions in turns; the one that begins changes from pair to pair.

    Args:
        first: the numerator.
        second: the denominator.
        repeats: the number of pairs.
        clock: seconds; for a machine that is busy, `time.process_time`. Default: `time.perf_counter`.
    """
    clock = clock or time.perf_counter
    calls = [_calls(first, clock), _calls(second, clock)]
    taken: list[tuple[float, float]] = []
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for k in range(repeats):
            if k % 2:
                b, a = _turn(second, calls[1], clock), _turn(first, calls[0], clock)
            else:
                a, b = _turn(first, calls[0], clock), _turn(second, calls[1], clock)
            taken.append((a, b))
    finally:
        if enabled:
            gc.enable()
    return Pairs(
        spread([a / b for a, b in taken]),
        spread([a for a, _ in taken]),
        spread([b for _, b in taken]),
    )


def _calls(function: Callable[[], Any], clock: Callable[[], float]) -> int:
    """Count the calls that fill a block, which also warms up the function."""
    function()
    took, done = _timed(function, 1, clock), 1
    while took < BLOCK / 4:
        done *= 2
        took = _timed(function, done, clock)
    return max(1, math.ceil(BLOCK * done / took))


def _turn(function: Callable[[], Any], calls: int, clock: Callable[[], float]) -> float:
    time.sleep(SETTLE)
    if calls > 1:
        function()  # threads awake and caches warm, as in a user's loop
    return _timed(function, calls, clock) / calls


def _timed(function: Callable[[], Any], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        function()
    return clock() - start
