"""Whether the times of a series are evenly apart, and where rows are missing."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from tidegate.data.series.times import START, Number, date_text

MOST = 0.5  # the share of steps that have to be alike for a series to be regular
NEARLY = Fraction(3, 2)  # steps between two rows from which on one is missing: days in local time have 23 to 25 hours
UNITS = {"week": 604800, "day": 86400, "hour": 3600, "minute": 60, "second": 1}


class Scale(NamedTuple):
    """A way to count time.

    Attributes:
        unit: its name.
        place: the place of a time of the series, in steps of which most are 1 or another whole number.
    """

    unit: str
    place: Callable[[Number], Number]


def usual_step(times: Sequence[Number], kind: str) -> tuple[Number | None, str, list[tuple[int, int]]]:
    """Find the usual step between times.

    Args:
        times: rising, at least two.
        kind: of the times, see `tidegate.data.series.times.Time`.

    Returns:
        The step, or None if the times are irregular; its unit, see `Scale`; and after which rows how many are missing.
    """
    return min((_gaps(times, scale) for scale in _scales(times, kind)), key=lambda it: len(it[2]))


def gaps_words(times: Sequence[Number], rows: Sequence[int], kind: str) -> str:
    """Describe where rows are missing.

    Args:
        times: rising, at least two.
        rows: the row of each in its file.
        kind: of the times.

    Returns:
        The words; empty if the times are evenly apart: by the clock, in months, or in working days.
    """
    step, unit, gaps = usual_step(times, kind)
    if step is None:
        return f"the times from {date_text(times[0], kind)} to {date_text(times[-1], kind)} are irregular"
    if not gaps:
        return ""
    missing, (at, _) = sum(count for _, count in gaps), gaps[0]
    are_missing = "1 row is missing" if missing == 1 else f"{missing:,} rows are missing"
    where = f"row {rows[at]} ({date_text(times[at], kind)}) and row {rows[at + 1]} ({date_text(times[at + 1], kind)})"
    count = "1 gap" if len(gaps) == 1 else f"{len(gaps):,} gaps"
    return f"{are_missing} between steps of {_span(step, unit)}, in {count}, the first between {where}"


def _gaps(times: Sequence[Number], scale: Scale) -> tuple[Number | None, str, list[tuple[int, int]]]:
    """Return the usual step, its unit, and after which rows how many are missing; no step if none is usual."""
    places = [scale.place(time) for time in times]
    steps = [b - a for a, b in pairwise(places)]
    (step, count), *_ = Counter(steps).most_common(1)
    alike = sum(Fraction(2, 3) * step < it < NEARLY * step for it in steps) if step > 0 else 0
    if max(count, alike) < MOST * len(steps) or step <= 0:
        return None, scale.unit, [(n, 1) for n in range(len(steps))]
    return step, scale.unit, [(n, round(it / step) - 1) for n, it in enumerate(steps) if it >= NEARLY * step]


def _scales(times: Sequence[Number], kind: str) -> list[Scale]:
    """Return the ways to count that fit a series."""
    if kind == "a number":
        days = {time: _day(time) for time in times}
        plain = Scale("", lambda time: time)
        return [Scale("day", lambda time: days[time] or 0), plain] if all(days.values()) else [plain]
    scales = [Scale("second", lambda time: time)]
    clocks = {time % UNITS["day"] for time in times}
    if len(clocks) > 1:
        return scales
    dates = {time: START + timedelta(days=int(time // UNITS["day"])) for time in times}
    last = all((date + timedelta(days=1)).day == 1 for date in dates.values())
    if last or len({date.day for date in dates.values()}) == 1:
        scales.insert(0, Scale("month", lambda time: 12 * dates[time].year + dates[time].month))
    if all(date.weekday() < 5 for date in dates.values()):
        scales.append(Scale("working day", lambda time: time // UNITS["week"] * 5 + dates[time].weekday()))
    return scales


def _day(number: Number) -> int | None:
    """Return the day that a number such as 20240131 is, counted from the year 1; None if it is none."""
    try:
        return datetime.strptime(str(number), "%Y%m%d").toordinal() if 19_000_101 <= number <= 21_001_231 else None
    except ValueError:
        return None


def _span(step: Number, unit: str) -> str:
    if unit == "second":
        unit, size = next(((it, size) for it, size in UNITS.items() if step % size == 0), ("second", 1))
        step = step // size if step % size == 0 else step
    number = f"{float(step):.9g}" if isinstance(step, Fraction) else str(step)
    return f"{number} {unit}{'' if number == '1' else 's'}" if unit else number
