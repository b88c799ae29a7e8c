"""The order of a series' rows in time, and what is wrong with it."""

from array import array
from collections import deque
from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.rows import Row
from tidegate.data.series.date_formats import DateFormat
from tidegate.data.series.local_times import LocalTimes
from tidegate.data.series.regularity import gaps_words, usual_step
from tidegate.data.series.row_options import Elapsed, MissingRows, RowOptions
from tidegate.data.series.times import Number, date_text, offset_of, parse_time
from tidegate.data.tables.cell_values import described
from tidegate.errors import DataError
from tidegate.io.wording import quoted

SAMPLE = 100  # rows of which is kept how their time is written

LONGEST = 10**12  # seconds between two rows, or of their unit; the shortest time is as much smaller than one
NOTES = 5  # of a file
HINT = "give each row a time, or leave it out"


class RowOrder:
    """The times of the rows of one series, or of several that share them.

    Args:
        column: the column of times; None: rows are in order as they stand.
        where: the file and the series, for messages.
        dates: the format of the times. Default: numbers, and dates as ISO 8601 has them.
        local: the zone of local times. Default: none.
    """

    def __init__(
        self, column: str | None, where: str, dates: DateFormat | None = None, local: LocalTimes | None = None
    ) -> None:
        self.column, self.where, self.dates, self.local, self.kind = column, where, dates, local, ""
        self.rows = array("q")
        self.times: list[Number] = []
        self.offsets: set[int] = set()
        self.written: deque[tuple[Number, Any]] = deque(maxlen=SAMPLE)

    def add(self, row: Row) -> None:
        """Add a row.

        Raises:
            DataError: its time is missing, cannot be read, or is of another kind than those before.
        """
        self.rows.append(row.number)
        if self.column is None:
            return
        value = row.values[self.column]
        holds = f"{row.where}: column {self.column!r} holds {described(value)}, which"
        time = parse_time(value) if self.dates is None else self.dates.parse(value)
        if time is None and self.dates is not None:
            raise DataError(f"{holds} is not written as {self.dates.words()}: {HINT}, or say --date-format.")
        if time is None:
            raise DataError(
                f"{holds} is neither a number nor a date such as 2024-01-31, 2024-01-31T12:00, 2024-01 or 2024-W05: "
                f"{HINT}, or say --date-format."
            )
        if self.local is not None:
            time = self.local.moment(time, holds)
        if self.kind and time.kind != self.kind:
            raise DataError(
                f"{holds} is {time.kind}, but row {self.rows[0]} has {self.kind}: write all times in the same way."
            )
        self.kind = time.kind
        self.times.append(time.number)
        self.written.append((time.number, value))
        if time.kind == "a date with a time zone" and self.local is None:
            self.offsets.add(offset_of(str(value).strip()))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The rows' numbers in the order of their times, (T,).

        Raises:
            DataError: two rows have the same time.
        """
        if self.column is None:
            return np.arange(len(self.rows))
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        for first, second in pairwise(order):
            if self.times[first] == self.times[second]:
                raise DataError(
                    f"{self.where}, row {self.rows[second]}: there is the same time as in row {self.rows[first]}, "
                    f"{date_text(self.times[first], self.kind)}: give each time once, and say --series-column if rows "
                    "belong to several series."
                )
        return np.array(order, np.int64)

    def steps(self, missing_rows: MissingRows) -> NDArray[np.int64]:
        """Return the step of each row, in order of time, (T,): one after the other, unless missing rows are filled.

        Raises:
            DataError: rows are missing, and they are refused or cannot be filled.
        """
        steps = np.arange(len(self.rows))
        if missing_rows == "report" or not self._gaps_words:
            return steps
        if missing_rows == "refuse":
            raise DataError(f"{self.where}: {self._gaps_words}: add the missing rows, or say --missing-rows fill.")
        step, _, gaps = usual_step([self.times[n] for n in self.order.tolist()], self.kind)
        if step is None or sum(count for _, count in gaps) > len(steps):
            why = "so it is not known which rows to fill" if step is None else "more than there are"
            raise DataError(f"{self.where}: {self._gaps_words}, {why}: see to the times, or say --missing-rows report.")
        before = np.zeros_like(steps)
        for row, count in gaps:
            before[row + 1] = count
        return steps + np.cumsum(before)

    @cached_property
    def _gaps_words(self) -> str:
        if self.column is None or len(self.times) < 2:
            return ""
        order = self.order.tolist()
        return gaps_words([self.times[n] for n in order], [self.rows[n] for n in order], self.kind)

    def elapsed(self, how: Elapsed) -> NDArray[np.float64]:
        """Return the time since the row before, or its logarithm, of each row in order of time, (T, 1).

        That of the first row is the median of the others, or 1 if there are none.

        Raises:
            DataError: a time is too long or too short to be computed with.
        """
        times = [self.times[n] for n in self.order.tolist()]
        exact = [b - a for a, b in pairwise(times)]
        if any(not 1 / LONGEST <= it <= LONGEST for it in exact):
            raise DataError(
                f"{self.where}: times are {date_text(min(exact), 'a number')} to {date_text(max(exact), 'a number')} "
                "apart, which is too little or too much to be computed with: choose another unit."
            )
        since = np.array([float(it) for it in exact])
        since = np.concatenate([[np.median(since) if len(since) else 1.0], since])
        return (np.log(since) if how == "log" else since)[:, None]

    def notes(self, missing_rows: MissingRows, elapsed: Elapsed, *, ahead: bool = False) -> list[str]:
        """Say what the user should know of the times: rows that were not in order, and rows that are missing.

        Args:
            missing_rows: what becomes of missing rows.
            elapsed: whether the time between rows is an input.
            ahead: whether this time is needed of steps to come, too.
        """
        if self.column is None or len(self.times) < 2:
            return []
        found = [] if self.local is None else list(self.local.notes.values())
        late = next((n for n in range(1, len(self.times)) if self.times[n] < self.times[n - 1]), None)
        if late is not None:
            found.append(
                f"{self.where}, row {self.rows[late]}: its time is before that of row {self.rows[late - 1]}: the rows "
                "were put in order of time"
            )
        if self._gaps_words:
            coming = ", and steps to come are taken to be of the usual length" if ahead else ""
            done = {
                "elapsed": f"; the time between rows is an input{coming}",
                "report": "; each row is taken as one step: add the missing rows, or say --missing-rows fill",
                "fill": ": filled with missing values",
            }
            found.append(f"{self.where}: {self._gaps_words}{done[missing_rows if elapsed == 'none' else 'elapsed']}")
        return found


def row_order(
    path: Path, series: str | None, column: str | None, dates: DateFormat | None, options: RowOptions
) -> RowOrder:
    """Return the order of the rows of a series, to which they are then added.

    Args:
        path: the table.
        series: the name of the series; None: the rows of the table are one series, or several that share them.
        column: the column of times, if there is one.
        dates: the format of the times. Default: numbers, and dates as ISO 8601 has them.
        options: what the user said.
    """
    where = str(path) if series is None else f"{path}, series {quoted(series)}"
    local = LocalTimes(options.time_zone, options.clock_changes) if options.time_zone else None
    return RowOrder(column, where, dates, local)


def notes_of_rows(path: Path, rows: Iterable[Row]) -> list[str]:
    """Return the first "notes" of the series in a file, each once, and how many there are besides."""
    notes = list(dict.fromkeys(it for row in rows for it in row.values.get("notes", ())))
    more = [f"{path}: the same of {len(notes) - NOTES:,} more series"] if len(notes) > NOTES else []
    return notes[:NOTES] + more
