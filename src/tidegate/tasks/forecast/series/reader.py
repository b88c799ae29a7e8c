"""Read time series, with covariates that are known in advance: from wide tables, long tables, or arrays of frames."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from sys import intern

import numpy as np

from tidegate.data.array_files import holds_arrays
from tidegate.data.frames import FRAMES, read_frames
from tidegate.data.rows import Row, columns_of, is_table, read_table
from tidegate.data.series.cell_formats import column_of_dates, find_formats
from tidegate.data.series.row_order import RowOrder, row_order
from tidegate.data.tables.cell_values import named, text_of
from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted
from tidegate.tasks.forecast.series.categories import changing_columns, missing_categories, read_category
from tidegate.tasks.forecast.series.gaps import NAMES, without_ends
from tidegate.tasks.forecast.series.numbers import NumberReader
from tidegate.tasks.forecast.series.series_options import DEFAULTS, SeriesOptions

TIMES = ("time", "date", "datetime", "timestamp", "ds", "month", "day", "year")
TARGETS = ("value", "y", "target")


def read_series(path: Path, options: SeriesOptions = DEFAULTS) -> Iterator[Row]:
    """Read the series of a table or ``.npz`` file, one row for each series. They are held in memory.

    * A long table has a column ``series_column`` with the name of each row's series, and ``target`` with its value.
    * In a wide table every column of numbers is a series, or only ``target`` if it is given.
    * Several targets, separated by commas, are values of one series: that of a row's name, or the only one.
    * A ``.npz`` file has ``frames`` (N, T, F), and may have ``lengths`` and the names ``series`` (N,). Its columns are
      called "0" to "F-1"; each is a series as in a wide table.

    Rows are sorted by ``time_column`` (see `tidegate.data.series.times`); by default, by a column called
    time, date, timestamp or the like, or by the only column that has dates if no target is given. With covariates, the
    last rows of a series may have no value: they are the future whose covariates are known in advance.

    Args:
        path: the file.
        options: which columns are read, and how their cells are written.

    Yields:
        Rows with "series" (its name), "values" (T,), "covariates" (T, C), "future" (M, C) and "past" (T, P), all
        float64; "labels" (T, M), the categories at each step ("" where there is none), "future_labels", and their
        columns "label_columns"; of K targets "values" (T, K) and "targets", their names; from tables also "notes",
        what the user should know of how the file was read.

    Raises:
        DataError: a column is missing, a value is missing or not a finite number, a time is not one or occurs twice,
            or cells can be read in two ways; the message names the file and the row.
    """
    options.check_filling(options.missing, "'mask' or 'interpolate'")
    if holds_arrays(path):
        if needs := options.of_times():
            raise ArgumentError(f"{needs} is for a column of times, but {path} has none: give a table.")
        yield from _from_frames(path, options)
        return
    if not is_table(path):
        raise DataError(f"{path} is neither a table (.csv, .tsv, .jsonl, .parquet) nor a .npz file of frames.")
    columns = columns_of(path, options.delimiter)
    series_column, time_column = options.series_column, options.time_column
    covariates, static = [*options.known, *options.past], options.categories
    targets = options.targets(columns)
    given = [*targets, *covariates, *static]
    for name in (*given, series_column, time_column):
        if name is not None and name not in columns:
            raise DataError(f"{path}: there is no column {quoted(name)}; there are: {named(columns)}.")
    if len(set(given)) < len(given):
        raise ArgumentError(
            f"Of target, covariates, past covariates and static columns ({named(given)}) one is named twice: a column "
            "is one of these."
        )
    if static and series_column is None:
        raise ArgumentError("Static columns describe the series of a long table: say --series-column too.")
    apart = {*given, series_column}
    if time_column is None:
        time_column = next((name for name in columns if name.strip().lower() in TIMES and name not in apart), None)
    by_value = time_column is None and not targets
    if by_value:  # a column of dates would be refused as a series
        time_column = column_of_dates(path, [name for name in columns if name not in apart], options)
    if time_column is None and (needs := options.of_times()):
        raise ArgumentError(f"{needs} is for a column of times, but {path} has none: say --time-column.")
    rest = [name for name in columns if name not in {series_column, time_column, *covariates, *static}]
    chosen = _chosen(path, rest, targets, series_column)
    changing = changing_columns(path, options)
    known_numbers, past_numbers = ([it for it in of if it not in changing] for of in (options.known, options.past))
    formats = find_formats(path, time_column, [*known_numbers, *past_numbers, *chosen], options)
    remarks = [f"{path}: times are in column {quoted(time_column)}"] if by_value and time_column else []
    numbers = NumberReader(formats.mark, options.missing != "refuse")
    found: dict[str, _Series] = {}
    orders: dict[str, RowOrder] = {}
    used = [name for name in (time_column, series_column, *covariates, *static, *chosen) if name is not None]
    for row in read_table(path, list(dict.fromkeys(used)), empty=used, delimiter=options.delimiter):
        group = (
            "" if series_column is None else _name(row, series_column)
        )  # the series of a wide table share their times
        if group not in orders:
            orders[group] = row_order(path, group if series_column else None, time_column, formats.dates, options)
        orders[group].add(row)
        known = [numbers.read(row, name) for name in known_numbers]
        past = [numbers.read(row, name, empty=True) for name in past_numbers]
        labels = [read_category(row, name, options) for name in changing]
        values = [numbers.read(row, name, empty=bool(options.known)) for name in chosen]
        if len(targets) > 1:
            together = {", ".join(targets) if series_column is None else group: values}
        elif series_column is None:
            together = {name: [value] for name, value in zip(chosen, values, strict=True)}
        else:
            together = {group: values}
        for own, its in together.items():
            series = found.setdefault(own, _Series(own, orders[group], targets))
            series.add(its, [*known, *past], labels)
            series.describe(row, static)
    for series in found.values():
        notes = [*remarks, *formats.notes, *numbers.notes.values()]
        yield series.row(path, len(known_numbers), changing, notes, options)


class _Series:
    """A series while its rows are read."""

    def __init__(self, name: str, order: RowOrder, targets: Sequence[str]) -> None:
        self.name, self.order, self.targets = name, order, targets
        self.values, self.covariates = array("d"), array("d")
        self.labels: list[str] = []
        self.static: tuple[str, ...] = ()

    def add(self, values: Sequence[float], covariates: Sequence[float], labels: Sequence[str]) -> None:
        self.values.extend(values)
        self.labels += map(intern, labels)
        self.covariates.extend(covariates)

    def describe(self, row: Row, static: Sequence[str]) -> None:
        """Take the categories of a row, which those of all rows of the series are.

        Raises:
            DataError: one is missing, or another than before.
        """
        own = tuple(text_of(row.values[name]) or "" for name in static)
        for name, value, before in zip(static, own, self.static or own, strict=True):
            if not value.strip():
                raise DataError(f"{row.where}: column {quoted(name)} is empty: give the series a category.")
            if value != before:
                raise DataError(
                    f"{row.where}: column {quoted(name)} holds {quoted(value)}, but rows of the series "
                    f"{quoted(self.name)} before it have {quoted(before)}: a static column has one category for each "
                    "series."
                )
        self.static = own

    def row(self, path: Path, known: int, changing: Sequence[str], notes: Sequence[str], options: SeriesOptions) -> Row:
        order, steps = self.order.order, self.order.steps(options.missing_rows)
        before = np.searchsorted(steps, np.arange(steps[-1] + 1), "right") - 1  # the row at each step, or before it
        rows = np.array(self.order.rows)[order][before]
        given = np.array(self.values).reshape(len(order), -1)
        numbers = np.array(self.covariates).reshape(len(order), -1)
        values, covariates = (np.full((len(rows), it.shape[1]), np.nan) for it in (given, numbers))
        values[steps], covariates[steps] = given[order], numbers[order]
        labels = np.full((len(rows), len(changing)), "", object)
        labels[steps] = np.array(self.labels, object).reshape(len(order), len(changing))[order]
        ahead = covariates[:, :known]
        if options.elapsed != "none":
            ahead = np.concatenate([ahead, self.order.elapsed(options.elapsed)], 1)
        place = lambda n: f"{path}, row {rows[n]}"  # noqa: E731
        found, kept = without_ends(
            self.name, values, ahead, covariates[:, known:], place, options.missing, self.targets
        )
        where = f"{path}, series {quoted(self.name)} (from row {rows[kept.start]})"
        said = [*notes, *found["notes"], *self.order.notes(options.missing_rows, options.elapsed, ahead=True)]
        said += missing_categories(labels[kept], changing, f"the series {quoted(self.name)}", rows[kept], path, options)
        more = {"notes": said, "rows": rows[kept], "static": self.static}
        more |= {"labels": labels[kept], "future_labels": labels[kept.stop :], "label_columns": tuple(changing)}
        after = int(before[kept.stop - 1]) + 1 if kept.stop else 0
        following = int((np.diff(steps[after - 1 :]) == 1).cumprod().sum()) if after else len(steps)
        more |= {"order": self.order, "ahead": (after, following)}  # see `times_ahead`
        return Row(where, found | more)


def check_counts(row: Row) -> None:
    """Check that the values of a series are whole numbers from 0 on.

    Raises:
        DataError: one is not; the message names its row.
    """
    values = row.values["values"]
    bad = np.argwhere((values < 0) | (values % 1 > 0))
    if len(bad):
        n = bad[0][0]
        at = row.values["rows"][n] if "rows" in row.values else n + 1
        place = f"{row.where}, {'row' if 'rows' in row.values else 'step'} {at}"
        raise DataError(
            f"{place}: the value is {values[tuple(bad[0])]:.9g}, but counts are whole numbers from 0 on: choose "
            "another --distribution."
        )


def _chosen(path: Path, rest: list[str], targets: list[str], series_column: str | None) -> list[str]:
    """Return the columns that are series; of a long table the column of values; the targets if they are given."""
    if targets:
        return targets
    if series_column is not None and len(rest) > 1:
        usual = [name for name in rest if name.strip().lower() in TARGETS]
        if len(usual) != 1:
            raise DataError(f"{path}: which column holds the values? There are: {named(rest)}. Say --target.")
        return usual
    if not rest:
        raise DataError(f"{path}: no column is left to forecast beside time, series and covariates.")
    return rest


def _from_frames(path: Path, options: SeriesOptions) -> Iterator[Row]:
    covariates = [*options.known, *options.past]
    if options.categorical:
        raise ArgumentError(f"Covariates are categories only in a table, but {path} has none: give a table.")
    if options.categories:
        raise ArgumentError(f"Static columns are those of a table, but {path} has none: give a table.")
    for n, row in enumerate(read_frames(path, label=NAMES)):
        frames = np.asarray(row.values[FRAMES], np.float64)
        columns = [str(k) for k in range(frames.shape[1])]
        targets = options.targets(columns)
        for name in (*targets, *covariates):
            if name not in columns:
                raise DataError(f"{path}: there is no column {quoted(name)}; those of frames are {named(columns)}.")
        refused = ~np.isfinite(frames) if options.missing == "refuse" else np.isinf(frames)
        if bad := np.argwhere(refused).tolist():
            hint = "say --missing mask or --missing interpolate for missing values (nan)"
            raise DataError(f"{row.where}, step {bad[0][0] + 1}: column {bad[0][1]} is nan or inf: {hint}.")
        chosen = _chosen(path, [name for name in columns if name not in covariates], targets, None)
        own = row.values.get("label", str(n))
        for names in [targets] if targets else [[name] for name in chosen]:
            values, known, past = (frames[:, [int(it) for it in of]] for of in (names, options.known, options.past))
            full = own if targets or len(chosen) == 1 else f"{own}.{names[0]}"
            where = f"{row.where}, column {', '.join(names)}"
            place = lambda n, where=where: f"{where}, step {n + 1}"  # noqa: E731
            yield Row(where, without_ends(full, values, known, past, place, options.missing, targets)[0])


def _name(row: Row, column: str) -> str:
    value = text_of(row.values[column])
    if value is None or not value.strip():
        raise DataError(
            f"{row.where}: column {quoted(column)} is empty: say to which series the row belongs, or leave it out."
        )
    return value
