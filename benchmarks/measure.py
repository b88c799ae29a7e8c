"""Timing in turns: two contenders alternate, so that changes of the machine's speed affect both."""

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SETTLE = 0.005  # seconds between turns: the threads of a runtime spin for a while after a product
AFTER_OTHERS = 0.25  # seconds after another process's turn until our kernels use its cores again
BLOCK = 0.02  # minimum seconds of a turn: short calls are repeated within it
Timer = Callable[[int], float]  # a number of calls to the seconds they took


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


def pairs(first: Timer, second: Timer, repeats: int, *, warm: float = 0.0) -> Pairs:
    """Time two contenders in turns; the one that begins changes from pair to pair.

    Args:
        first: the numerator; both take a number of calls and return the seconds they took.
        second: the denominator.
        repeats: the number of pairs.
        warm: seconds for which a contender runs before its turn is timed.
    """
    calls = [_calls(first), _calls(second)]
    taken: list[tuple[float, float]] = []
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for k in range(repeats):
            if k % 2:
                b, a = _turn(second, calls[1], warm), _turn(first, calls[0], warm)
            else:
                a, b = _turn(first, calls[0], warm), _turn(second, calls[1], warm)
            taken.append((a, b))
    finally:
        if enabled:
            gc.enable()
    return Pairs(
        spread([a / b for a, b in taken]),
        spread([a for a, _ in taken]),
        spread([b for _, b in taken]),
    )


def timer(function: Callable[[], Any], clock: Callable[[], float] | None = None) -> Timer:
    """Return a timer of a function that runs in this process.

    Args:
        function: what is timed.
        clock: seconds; for a machine that is busy, `time.process_time`. Default: `time.perf_counter`.
    """
    clock = clock or time.perf_counter

    def seconds(calls: int) -> float:
        start = clock()
        for _ in range(calls):
            function()
        return clock() - start

    return seconds


def _calls(seconds: Timer) -> int:
    """Count the calls that fill a block, which also warms up the contender."""
    seconds(1)
    took, done = seconds(1), 1
    while took < BLOCK / 4:
        done *= 2
        took = seconds(done)
    return max(1, math.ceil(BLOCK * done / took))


def _turn(seconds: Timer, calls: int, warm: float) -> float:
    time.sleep(SETTLE)
    end = time.perf_counter() + warm
    if calls > 1 or warm:
        seconds(1 + calls // 4)  # threads awake, each on its core, and caches warm, as in a user's loop
    while time.perf_counter() < end:
        seconds(1 + calls // 4)
    return seconds(calls) / calls
