"""One measured figure."""

from dataclasses import dataclass

from benchmarks.measure import Pairs, Spread


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Attributes:
        kind: the kind of its case, with "plain" for none.
        cell: the cell's name.
        case: the case as text.
        mode: "inference", "training", ...
        against: the contender that ours is compared with.
        unit: "x" for a ratio, "s" for seconds, "us" for microseconds.
        value: the median.
        low: the lower quartile.
        high: the upper quartile.
        theirs_ms: milliseconds a call of the ratio's numerator, if it is one of times.
        ours_ms: milliseconds a call of the denominator.
        share: ours of the FLOP/s that the machine's fastest product reaches, where products take most of the time.
        note: remarks, such as the time of compilation.
    """

    kind: str
    cell: str
    case: str
    mode: str
    against: str
    unit: str
    value: float
    low: float
    high: float
    theirs_ms: float | None = None
    ours_ms: float | None = None
    share: float | None = None
    note: str = ""


def ratio_row(
    kind: str, cell: str, case: str, mode: str, against: str, taken: Pairs, *, scale: float = 1.0, note: str = ""
) -> Row:
    """Return the ratio of two contenders' times, multiplied by a factor."""
    value, low, high = (scale * part for part in (taken.ratio.median, taken.ratio.low, taken.ratio.high))
    theirs_ms, ours_ms = 1e3 * taken.first.median, 1e3 * taken.second.median
    return Row(kind, cell, case, mode, against, "x", value, low, high, theirs_ms, ours_ms, note=note)


def absolute_row(
    kind: str, cell: str, case: str, mode: str, against: str, unit: str, found: Spread, note: str = ""
) -> Row:
    """Return a figure that is not a ratio of times."""
    return Row(kind, cell, case, mode, against, unit, found.median, found.low, found.high, note=note)
