"""Times in files of predictions: as the series' own file has them, or as timestamps."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from tidegate.data.series.date_formats import UNIX
from tidegate.data.series.local_times import offset_at
from tidegate.data.series.row_order import RowOrder
from tidegate.data.series.time_writer import TimeWriter
from tidegate.data.series.times import Number
from tidegate.io.wording import quoted

TIME = "time"  # how the column is called


class WrittenTimes(NamedTuple):
    """Times of some steps.

    Attributes:
        numbers: seconds since the year 1, in UTC if there is a zone; or numbers.
        kind: of the times, see `tidegate.data.series.times.Time`.
        texts: as the file writes them, or would.
        note: what the user should know; empty if there is nothing.
    """

    numbers: Sequence[Number]
    kind: str
    texts: Sequence[Any]
    note: str


def write_times(where: str, order: RowOrder, numbers: Sequence[Number]) -> WrittenTimes:
    """Write times as the file of a series does.

    Args:
        where: the file and the series, for messages.
        order: the times of its rows.
        numbers: the times.
    """
    offset = None if order.local is None else partial(offset_at, order.local.zone)
    writer = TimeWriter(order.written, order.kind, dates=order.dates, offset=offset)
    texts = [writer.text(number) for number in numbers]
    note = (
        "" if writer.is_own else f"{where}: times are written as in {texts[0]}, not as in {quoted(writer.example, 40)}"
    )
    if len(order.offsets) > 1:
        note = f"{where}: the offset of times changes: in predictions all have that of the last row"
    return WrittenTimes(numbers, order.kind, texts, note)


def timestamps(arrow: Any, times: Sequence[WrittenTimes | None], texts: Sequence[Any]) -> Any:
    """Return a column of times for Parquet: timestamps, in UTC if they have a time zone.

    Args:
        arrow: the package pyarrow.
        times: of each series; None where it has none.
        texts: all of these as files write them, one after the other; None where there is none.

    Returns:
        The numbers, where times are numbers; texts, where some series have dates and others have not.
    """
    kinds = {None if it is None else it.kind for it in times}
    if kinds <= {None, "a number"} and not any(isinstance(it, str) for it in texts):
        return texts
    if len(kinds) > 1 or kinds == {"a number"}:
        return [None if it is None else str(it) for it in texts]
    since = [(number - UNIX) * 10**6 for it in times if it is not None for number in it.numbers]
    unit, size = ("us", 1) if all(it.denominator == 1 for it in since) else ("ns", 1000)
    zone = "UTC" if kinds == {"a date with a time zone"} else None
    return arrow.array([int(it * size) for it in since], arrow.int64()).cast(arrow.timestamp(unit, zone))
