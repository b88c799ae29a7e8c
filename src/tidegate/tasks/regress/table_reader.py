"""Read series with inputs and targets at every step from the rows of a table."""

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.rows import Row, columns_of, read_table
from tidegate.data.series.cell_formats import find_formats
from tidegate.data.series.row_order import RowOrder, row_order
from tidegate.data.tables.cell_values import described, is_missing, named, text_of
from tidegate.data.tables.decimals import DecimalMark, parse_number
from tidegate.errors import DataError
from tidegate.io.wording import quoted
from tidegate.tasks.regress.config import ELAPSED, RegressConfig, names_in
from tidegate.tasks.regress.series_rows import LARGEST, previous, series_values

TIMES = ("time", "date", "datetime", "timestamp")
ISO = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z?)?)?")


def read_series_of_table(path: Path, config: RegressConfig) -> Iterator[Row]:
    """Read the series of a table; see `tidegate.tasks.regress.reader.read_series`."""
    there = columns_of(path, config.delimiter)
    inputs, static, targets = config.input_names, names_in(config.static), config.target_names
    if not inputs or not targets:
        raise DataError(
            f"{path}: which columns are inputs, and which targets? Say --inputs and --targets; there are: "
            f"{named(there)}."
        )
    group = [config.series_column] if config.series_column else []
    timed = [] if config.time_column is None else [config.time_column]
    for name in (*group, *timed, *inputs):
        if name not in there:
            raise DataError(f"{path}: there is no column {quoted(name)}; there are: {named(there)}.")
    lacking = [name for name in targets if name not in there]
    if lacking and len(lacking) < len(targets):
        raise DataError(f"{path}: there is no column {quoted(lacking[0])}; there are: {named(there)}.")
    targets = [] if lacking else targets
    numbers = [*inputs, *targets]
    dated = [name for name in there if name.strip().lower() in TIMES and name not in (*group, *numbers)]
    formats = find_formats(path, config.time_column, numbers, config)
    found: dict[str, _Series] = {}
    used = list(dict.fromkeys([*group, *numbers, *(timed or dated)]))
    for row in read_table(path, used, empty=used, delimiter=config.delimiter):
        name = _name(row, group[0]) if group else path.stem
        if name not in found:
            order = row_order(path, name if group else None, config.time_column, formats.dates, config)
            found[name] = _Series(order, config, formats.mark, [] if timed else dated)
        found[name].add(row, inputs, targets, static)
    for name, series in found.items():
        x = series.steps_of_inputs(inputs, static)
        y = series.in_steps(np.array(series.targets).reshape(-1, len(targets))) if targets else None
        rows = np.array(series.order.rows)[series.order.order]
        about: dict[str, Any] = {"rows": rows, "kept": series.kept, "order": series.order, "filled": series.filled}
        about["notes"] = [*formats.notes, *series.order.notes(config.missing_rows, config.elapsed)]
        about |= {"lacking": lacking} if lacking else {}
        columns = inputs if config.elapsed == "none" else [*inputs, ELAPSED]
        where = f"{path}, series {quoted(name)} (from row {rows[0]})" if group else str(path)
        yield Row(where, series_values(name, x, y, columns, config.target_names) | about)


class _Series:
    """A series while its rows are read."""

    def __init__(self, order: RowOrder, config: RegressConfig, mark: DecimalMark, dated: Sequence[str]) -> None:
        self.order, self.config, self.dated = order, config, dated
        self.mark: DecimalMark = mark
        self.inputs, self.targets = array("d"), array("d")
        self.filled = 0
        self._last: dict[str, str] = {}

    def add(self, row: Row, inputs: Sequence[str], targets: Sequence[str], static: Sequence[str]) -> None:
        self.order.add(row)
        self._check_order(row)
        before = self.inputs[-len(inputs) :]
        for n, name in enumerate(inputs):
            value = self._number(row, name)
            if math.isnan(value):
                value = self._missing(row, name, before[n] if before and name in static else math.nan)
            if name in static and before and value != before[n] and not (math.isnan(value) and math.isnan(before[n])):
                raise DataError(
                    f"{row.where}: the static column {quoted(name)} holds {value:g} here and {before[n]:g} before in "
                    "the same series: name it among --inputs if it changes, or the series with --series-column."
                )
            self.inputs.append(value)
        self.targets.extend(self._number(row, name) for name in targets)

    @cached_property
    def _steps(self) -> NDArray[np.int64]:
        return self.order.steps(self.config.missing_rows)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which steps are rows of the file; others are missing rows that were filled: (T,)."""
        return np.isin(np.arange(self._steps[-1] + 1), self._steps)

    def in_steps(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Put rows (N, K) in order of time, and nan where rows are missing that are to be filled: (T, K)."""
        found = np.full((self._steps[-1] + 1, values.shape[1]), np.nan)
        found[self._steps] = values[self.order.order]
        return found

    def steps_of_inputs(self, names: Sequence[str], static: Sequence[str]) -> NDArray[np.float64]:
        """Return the inputs of each step (T, F), in which nan is to become the mean; static ones go on."""
        x = self.in_steps(np.array(self.inputs).reshape(-1, len(names)))
        goes_on = np.array([name in static for name in names]) & ~self.kept[:, None]
        self.filled += int((~goes_on & ~self.kept[:, None]).sum())
        x = np.where(goes_on | (self.config.missing == "previous"), previous(x), x)
        return x if self.config.elapsed == "none" else np.concatenate([x, self.order.elapsed(self.config.elapsed)], 1)

    def _missing(self, row: Row, name: str, before: float) -> float:
        """Return what a missing input is before rows are put in order: nan, or what a static one was before."""
        if self.config.missing == "refuse":
            raise DataError(
                f"{row.where}: the input {quoted(name)} is missing. Fill it, or say --missing previous (the value "
                "before it) or --missing mean (the mean of the training part); missing targets are left out by "
                "themselves."
            )
        self.filled += 1
        return before if self.config.missing == "previous" else math.nan

    def _check_order(self, row: Row) -> None:
        """Check that dates as ISO 8601 writes them rise; what is written otherwise is not looked at."""
        for name in self.dated:
            text = (text_of(row.values[name]) or "").strip()
            if not ISO.fullmatch(text):
                continue
            last = self._last.get(name, "")
            if len(last) == len(text) and text <= last:
                raise DataError(
                    f"{row.where}: the {name} {text} does not come after {last}, that of the row before in the same "
                    "series: sort the rows by time, and say --series-column if they belong to several series."
                )
            self._last[name] = text

    def _number(self, row: Row, column: str) -> float:
        """Return the number in a column; nan if it is missing.

        Raises:
            DataError: it is something else, infinite or too large.
        """
        value = row.values[column]
        if is_missing(value):
            return math.nan
        number = parse_number(value, self.mark)
        if number is None or not abs(number) <= LARGEST:
            raise DataError(
                f"{row.where}: column {quoted(column)} holds {described(value)}, but a number of at most {LARGEST:g} "
                f"is needed, with {self.mark!r} as the decimal mark (--decimal): mend it, or leave it empty if it is "
                "not known."
            )
        return number


def _name(row: Row, column: str) -> str:
    name = text_of(row.values[column])
    if name is None or not name.strip():
        raise DataError(f"{row.where}: column {quoted(column)} does not name the series that the row belongs to.")
    return name
