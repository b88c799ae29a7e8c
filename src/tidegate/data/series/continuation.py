"""The times of the steps after the last value of a series."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tidegate.data.series.local_times import offset_at
from tidegate.data.series.regularity import UNITS, usual_step
from tidegate.data.series.row_order import RowOrder
from tidegate.data.series.times import START, Number, date_text
from tidegate.data.series.written_times import WrittenTimes, write_times
from tidegate.errors import DataError

DAY = UNITS["day"]


def times_ahead(where: str, order: RowOrder, known: int, following: int, count: int) -> WrittenTimes | None:
    """Return the times of the steps after the known ones: those in the file, then those that continue it.

    Regular times go on by their usual step: by the clock, in months (the last day of a month is followed by the last
    day of the next), or in working days. Steps of whole days keep the local time of day where the clocks change.

    Args:
        where: the file and the series, for messages.
        order: the times of its rows.
        known: the number of rows up to the last value.
        following: the number of rows after these that are steps without a gap between.
        count: how many times.

    Returns:
        The times; None if rows have none.

    Raises:
        DataError: the times are irregular, or too few to say what their step is.
    """
    if order.column is None:
        return None
    times = [order.times[n] for n in order.order.tolist()]
    zone = None if order.local is None else order.local.zone
    found = times[known : known + min(count, following)]
    if len(found) < count:
        try:
            found += continued(where, times[: known + len(found)], order.kind, count - len(found), order.offsets, zone)
        except DataError:
            raise
        except (OverflowError, ValueError) as error:  # what datetime raises
            raise DataError(f"{where}: the times of the forecast are beyond the year 9999.") from error
    return write_times(where, order, found)


def continued(
    where: str,
    times: Sequence[Number],
    kind: str,
    count: int,
    offsets: Collection[int] = (),
    zone: ZoneInfo | None = None,
) -> list[Number]:
    """Continue regular times.

    Args:
        where: the file and the series, for messages.
        times: rising.
        kind: of the times.
        count: how many to add.
        offsets: the offsets from UTC that the times are written with, in seconds; none: they have none.
        zone: of local times. Default: they are not local ones.

    Raises:
        DataError: they are irregular, or too few.
        OverflowError, ValueError: they go beyond the year 9999.
    """
    if len(times) < 2:
        raise DataError(f"{where}: one row does not say how far apart times are: give more, or predict without --out.")
    fixed = max(offsets, default=0)
    walls = [it + (fixed if zone is None else offset_at(zone, it)) for it in times]
    step, unit, _ = usual_step(walls, kind if kind == "a number" else "a date")
    if step is None:
        first, last = date_text(times[0], kind), date_text(times[-1], kind)
        raise DataError(
            f"{where}: the times from {first} to {last} are irregular, so those of the forecast are not known: predict "
            "without --out, which counts steps."
        )
    steps = range(1, count + 1)
    if kind == "a number":
        if unit == "day":
            return [_day_number(_date_of(times[-1]) + timedelta(days=n * int(step))) for n in steps]
        return [times[-1] + n * step for n in steps]
    if unit == "second" and step % DAY:
        after = [times[-1] + n * step for n in steps]
    elif len(offsets) > 1:
        raise DataError(
            f"{where}: the offset of the times from UTC changes with the clocks, and nothing says when it does next: "
            "write times in UTC, or in local time with --time-zone; or predict without --out."
        )
    else:
        after = [_after(walls, n * step, unit) for n in steps]
        after = [it - (fixed if zone is None else _offset_of_wall(zone, it)) for it in after]
    _ = START + timedelta(seconds=int(after[-1]))  # an OverflowError says that the calendar ends before
    return after


def _after(walls: Sequence[Number], steps: Number, unit: str) -> Number:
    """Return the local time some seconds, months or working days after the last one."""
    last = walls[-1]
    if unit == "second":
        return last + steps
    steps = int(steps)
    day, clock = last // DAY, last % DAY
    date = START + timedelta(days=int(day))
    if unit == "working day":
        weeks, rest = divmod(date.weekday() + steps, 5)
        return (day - date.weekday() + 7 * weeks + rest) * DAY + clock
    month = 12 * date.year + date.month - 1 + steps
    first = datetime(month // 12, month % 12 + 1, 1)
    following = datetime((month + 1) // 12, (month + 1) % 12 + 1, 1)
    ends = all((START + timedelta(days=int(it // DAY) + 1)).day == 1 for it in walls)
    end = following - timedelta(days=1)
    chosen = end if ends else min(end, first + timedelta(days=date.day - 1))
    return (chosen - START).days * DAY + clock


def _offset_of_wall(zone: ZoneInfo, wall: Number) -> int:
    """Return the same at a local time; of one that occurs twice, or not at all, the offset before the clocks change."""
    at = (START + timedelta(seconds=int(wall // 1))).replace(tzinfo=zone)
    return int((at.utcoffset() or timedelta()).total_seconds())


def _date_of(number: Number) -> date:
    return datetime.strptime(str(number), "%Y%m%d").date()


def _day_number(day: date) -> int:
    return int(day.strftime("%Y%m%d"))
