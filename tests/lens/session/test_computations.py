"""Results that are computed for all who wait for them: the order, what is shared, and how they are stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.progress import Cancelled, Progress, partial_as, pass_on, report_progress, watched
from tidegate.lens.session.computations import Computations

WAIT = 20  # seconds that a test waits at most


class Asked:
    """A result that a thread of its own waits for."""

    def __init__(self, computations: Computations, key: str, compute: Callable[[], Any]) -> None:
        self.told: list[Progress] = []
        self.given_up = False
        self.found: Any = None
        self._changed = Event()

        def watch(progress: Progress | None) -> None:
            if self.given_up:
                raise Cancelled
            if progress is not None:
                self.told.append(progress)
                self._changed.set()

        def run() -> None:
            try:
                with watched(watch):
                    self.found = computations.result(key, compute)
            except BaseException as error:
                self.found = error

        self.thread = Thread(target=run, daemon=True)
        self.thread.start()

    def until_told(self) -> None:
        assert self._changed.wait(WAIT)

    def result(self) -> Any:
        self.thread.join(WAIT)
        assert not self.thread.is_alive()
        return self.found


@pytest.fixture
def computations() -> Computations:
    return Computations()


def test_the_newest_comes_first_and_only_one_computes_at_a_time(computations: Computations):
    order: list[str] = []
    overtakes = Event()

    def old() -> str:
        order.append("old begins")
        report_progress("old", 0.5)
        assert overtakes.wait(WAIT)
        pass_on()
        order.append("old ends")
        return "old"

    def new() -> str:
        order.append("new")
        return "new"

    first = Asked(computations, "old", old)
    first.until_told()
    second = Asked(computations, "new", new)
    while len(computations._ready) < 2:
        pass
    assert order == ["old begins"]
    overtakes.set()
    assert (second.result(), first.result()) == ("new", "old")
    assert order == ["old begins", "new", "old ends"]


def test_who_asks_for_the_same_later_shares_it_and_learns_what_is_known(computations: Computations):
    asked, go_on = Event(), Event()
    count = 0

    def compute() -> str:
        nonlocal count
        count += 1
        report_progress("half", 0.5, partial="some of it")
        report_progress("more", 0.6)
        asked.set()
        assert go_on.wait(WAIT)
        return "all of it"

    first = Asked(computations, "same", compute)
    assert asked.wait(WAIT)
    second = Asked(computations, "same", compute)
    second.until_told()
    go_on.set()
    assert (first.result(), second.result(), count) == ("all of it", "all of it", 1)
    assert second.told == [Progress("more", 0.6, "some of it")]
    assert [it.partial for it in first.told if it.partial] == ["some of it"]


def test_it_goes_on_while_one_waits_and_ends_when_nobody_does(
    computations: Computations, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tidegate.lens.session.computations.GRACE", 0.0)
    stopped = Event()

    def compute() -> None:
        try:
            while True:
                report_progress("on and on", 0.0)
        except Cancelled:
            stopped.set()
            raise

    both = [Asked(computations, "same", compute) for _ in range(2)]
    for it in both:
        it.until_told()
    both[0].given_up = True
    assert isinstance(both[0].result(), Cancelled)
    assert not stopped.is_set()
    both[1].given_up = True
    assert isinstance(both[1].result(), Cancelled)
    assert stopped.wait(WAIT)
    assert Asked(computations, "same", lambda: "anew").result() == "anew"


def test_whoever_gives_up_does_not_wait_for_the_next_progress(computations: Computations):
    go_on = Event()
    asked = Asked(computations, "long", lambda: go_on.wait(WAIT))
    asked.given_up = True
    assert isinstance(asked.result(), Cancelled)
    go_on.set()


def test_one_may_need_the_result_of_another(computations: Computations):
    def outer() -> str:
        return "outer, " + computations.result("inner", lambda: "inner")

    assert Asked(computations, "outer", outer).result() == "outer, inner"

    def wrong() -> None:
        raise ArgumentError("not so")

    with pytest.raises(ArgumentError, match="not so"):
        computations.result("wrong", lambda: computations.result("inner", wrong))
    assert computations.result("wrong", lambda: "right") == "right"


def test_one_that_waits_for_another_passes_its_progress_on_and_computes_again(computations: Computations):
    def inner() -> str:
        for n in range(5):
            report_progress("inside", n / 5)
            Event().wait(0.06)  # longer than those who wait look away
        return "inner"

    def outer() -> str:
        found = computations.result("inner", inner)
        report_progress("outside", 1.0)
        return found + " outer"

    asked = Asked(computations, "outer", outer)
    assert asked.result() == "inner outer"
    assert {it.what for it in asked.told} >= {"inside"}


def test_what_is_stopped_takes_nothing_new(computations: Computations):
    go_on = Event()
    asked = Asked(computations, "long", lambda: go_on.wait(WAIT))
    while not computations._threads:
        pass
    computations.stop(within=0.01)
    assert isinstance(asked.result(), Cancelled)
    with pytest.raises(Cancelled):
        computations.result("another", lambda: 1)
    go_on.set()


def test_partial_results_are_shown_as_the_caller_wishes():
    told: list[Any] = []

    def watch(progress: Progress | None) -> None:
        told.append(progress and (progress.partial, progress.shown))

    with watched(watch), partial_as(str.upper):
        report_progress("reading", 0.1, "abc")
        report_progress("reading", 0.2)
        pass_on()
    report_progress("nobody listens", 1.0, "abc")
    assert told == [(None, "ABC"), (None, None), None]
