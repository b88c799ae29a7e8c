"""Turns, by a clock of the test's own."""

from collections.abc import Callable

import pytest
from benchmarks.measure import pairs, spread, timer

from benchmarks import measure


class Clock:
    """Time passes only when a contender runs, and the machine gets slower with every call."""

    def __init__(self, drift: float = 1.0):
        self.now, self.pace, self.drift = 0.0, 1.0, drift

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        pass

    def taking(self, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.now += seconds * self.pace
            self.pace *= self.drift

        return run


def test_the_ratio_is_first_to_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    found = pairs(timer(clock.taking(0.3)), timer(clock.taking(0.1)), 5)
    assert found.ratio.median == pytest.approx(3)
    assert (found.first.median, found.second.median) == (pytest.approx(0.3), pytest.approx(0.1))


def test_short_calls_fill_a_block_and_are_told_by_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    found = pairs(timer(clock.taking(2e-6)), timer(clock.taking(1e-6)), 3)
    assert found.ratio.median == pytest.approx(2, rel=1e-6)
    assert found.second.median == pytest.approx(1e-6, rel=1e-6)
    assert clock.now > 2 * 3 * measure.BLOCK  # two contenders, three pairs


def test_a_machine_that_slows_down_slows_both(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(drift=1.05)
    monkeypatch.setattr(measure, "time", clock)
    found = pairs(timer(clock.taking(0.3)), timer(clock.taking(0.1)), 12)
    assert found.first.high > 1.3 * found.first.low  # slower by half and more during the run
    assert found.ratio.median == pytest.approx(3, rel=0.01)


def test_a_spread_is_the_median_and_quartiles() -> None:
    found = spread([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (found.low, found.median, found.high) == (2, 3, 4)
    assert spread([7.0]).low == spread([7.0]).median == spread([7.0]).high == 7
