"""A measurement, and the rows that pairs of turns give."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from benchmarks import ours, parity
from benchmarks.cases import Case, Mode
from benchmarks.contender import Contender
from benchmarks.kinds.gemm import fastest_product
from benchmarks.measure import AFTER_OTHERS, pairs
from benchmarks.peers import loop
from benchmarks.problem import Problem, Setting, pose
from benchmarks.rows import Row, ratio_row

CHECKED = 10  # steps, where nothing else is timed
ROWS, UNITS = 16, 100  # from so many sequences and hidden units on products take most of the time


@dataclass(frozen=True)
class Job:
    """One measurement.

    Attributes:
        name: for the line of progress.
        measure: measure it.
    """

    name: str
    measure: Callable[[], list[Row]]


def check(cell: str, case: Case, mode: Mode) -> None:
    """Check our layer against the cell's equations, where it is timed alone or against itself, on a few steps.

    With layer normalisation rounding grows a thousandfold in a hundred steps, in the loop as in ours.
    """
    setting = Setting(cell, replace(case, kind="", steps=min(case.steps, CHECKED)), mode)
    problem = pose(setting)
    parity.check(str(setting), loop.prepare(problem), ours.prepare(problem))


def ratio(
    problem: Problem,
    against: str,
    first: Contender,
    second: Contender,
    repeats: int,
    *,
    scale: float = 1.0,
    note: str = "",
) -> Row:
    """Time two contenders in turns; the second is ours."""
    setting, case = problem.setting, problem.setting.case
    warm = AFTER_OTHERS if first.elsewhere or second.elsewhere else 0.0
    taken = pairs(first.seconds, second.seconds, repeats, warm=warm)
    note = "; ".join(filter(None, (note, first.note)))
    kind = case.kind or "plain"
    row = ratio_row(kind, setting.cell, str(case), setting.mode, against, taken, scale=scale, note=note)
    if case.batch < ROWS or case.size < UNITS:
        return row
    _, peak = fastest_product(torch.get_num_threads(), problem.x.dtype)
    return replace(row, share=problem.flops / taken.second.median / peak)
