"""Our layer in turns with another of ours."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import tidegate
from benchmarks import ours, parity
from benchmarks.cases import MODES, Case, Mode
from benchmarks.kinds.job import Job, check, ratio
from benchmarks.layers import DROP_INS
from benchmarks.problem import Setting, pose
from benchmarks.rows import Row
from tidegate.nn import round_to_int8_


def peephole(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Our LSTM's time over our peephole LSTM's."""

    def measure(mode: Mode) -> list[Row]:
        for cell in ("lstm", "peephole_lstm"):
            check(cell, case, mode)
        plain, other = (pose(Setting(cell, replace(case, kind=""), mode)) for cell in ("lstm", "peephole_lstm"))
        row = ratio(other, "our lstm", ours.prepare(plain), ours.prepare(other), repeats)
        return [replace(row, kind="peephole", case=str(case))]

    if "peephole_lstm" in cells:
        for mode in MODES:
            yield Job(f"our lstm over our peephole_lstm, {case} {mode}", functools.partial(measure, mode))


def batch_invariant(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Our time with results that do not depend on the batch over our time without; both must compute the same."""

    def measure(mode: Mode) -> list[Row]:
        problem = pose(Setting("lstm", case, mode))
        plain = ours.prepare(problem)
        same = replace(plain, run=invariant(plain.run))
        check("lstm", case, mode)
        parity.check(f"lstm {case} {mode}", plain, same)
        return [ratio(problem, "our default", same, plain, repeats)]

    def invariant(run: Callable[[], Any]) -> Callable[[], Any]:
        def inside() -> Any:
            with tidegate.batch_invariant():
                return run()

        return inside

    if "lstm" in cells:
        for mode in MODES:
            yield Job(f"lstm {case} {mode}: batch invariant over not", functools.partial(measure, mode))


def int8(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """A streaming step's time with the weights as they are over that with weights in int8."""

    def measure(cell: str) -> list[Row]:
        problem = pose(Setting(cell, replace(case, kind="streaming"), "inference"))
        plain, rounded = ours.prepare(problem), ours.prepare_int8(problem)
        same = pose(problem.setting)
        round_to_int8_(same.layer)
        parity.check(f"{cell} {case} against a layer of rounded weights", ours.prepare(same), rounded)
        row = ratio(problem, "our float32", plain, rounded, repeats)
        return [replace(row, kind="int8", case=str(case))]

    for cell in DROP_INS:
        if cell in cells:
            yield Job(f"{cell} {case}: weights in float32 over weights in int8", functools.partial(measure, cell))


def recording(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Recording all gates over recording none; both must compute the same."""
    setting = Setting("lstm", case, "training")

    def measure() -> list[Row]:
        check("lstm", case, "training")
        problem = pose(setting)
        recorded, plain = ours.prepare_recording(problem), ours.prepare(problem)
        parity.check(f"{setting} against not recording", plain, recorded)
        return [ratio(problem, "not recording", recorded, plain, repeats)]

    if "lstm" in cells:
        yield Job(f"{setting}: all gates over none", measure)
