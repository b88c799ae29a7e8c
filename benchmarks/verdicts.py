"""Whether the targets are met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.rows import Row
from benchmarks.targets import TARGETS, Target


@dataclass(frozen=True)
class Verdict:
    """A target and whether it is met.

    Attributes:
        target: the target.
        cases: the number of rows it applies to.
        mean: their geometric mean.
        worst: the worst of them.
        worst_case: the case of the worst.
        missed: the rows that miss the bound for each, with their figures.
        met: whether the bounds hold; None if there are no rows.
    """

    target: Target
    cases: int
    mean: float | None = None
    worst: float | None = None
    worst_case: str = ""
    missed: tuple[str, ...] = ()
    met: bool | None = None


def judge(rows: Sequence[Row], targets: Sequence[Target] = TARGETS) -> list[Verdict]:
    """Compare the rows' medians with each target."""
    return [_verdict(target, [row for row in rows if target.selects(row)]) for target in targets]


def _verdict(target: Target, rows: list[Row]) -> Verdict:
    if not rows:
        return Verdict(target, 0)
    least = target.sense == "at least"
    worst = (min if least else max)(rows, key=lambda row: row.value)
    mean = statistics.geometric_mean([row.value for row in rows])

    def holds(value: float, bound: float) -> bool:
        return value >= bound if least else value <= bound

    missed = tuple(f"{_named(row)} {row.value:.2f}" for row in rows if not holds(row.value, target.worst))
    met = not missed and (target.mean is None or holds(mean, target.mean))
    return Verdict(target, len(rows), mean, worst.value, _named(worst), missed, met)


def _named(row: Row) -> str:
    return f"{row.cell} {row.case} {row.mode}"
