"""Forecasts as a table with one row for each step, with the times that continue those of the series."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.data.rows import Row
from tidegate.data.series.continuation import times_ahead
from tidegate.data.series.row_order import RowOrder
from tidegate.data.series.written_times import TIME, WrittenTimes, timestamps
from tidegate.errors import ArgumentError
from tidegate.io.files import replacing
from tidegate.io.optional import needed
from tidegate.tasks.forecast.series.gaps import NAMES

TARGETS = "targets"


class PredictionTable(NamedTuple):
    """Forecasts in rows.

    Attributes:
        columns: of one value for each step: "series"; "target", if there are several; "time", as the file writes it, or
            None; "step", counted from 1; "mean"; the quantiles "q0.1" to "q0.9"; and "path1" and so on, if there are
            sample paths.
        times: of the forecast of each series and target; None where it has none.
        series: the number of series.
    """

    columns: Mapping[str, Sequence[Any]]
    times: Sequence[WrittenTimes | None]
    series: int

    def notes(self) -> list[str]:
        """What the user should know of the times."""
        return list(dict.fromkeys(it.note for it in self.times if it is not None and it.note))


def predicted_targets(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was predicted of each target, by name; of the only one it is the prediction itself, under ""."""
    return said.get(TARGETS) or {"": said}


def prediction_table(found: Iterable[tuple[Row, dict[str, Any]]]) -> PredictionTable:
    """Make a table of forecasts.

    Args:
        found: the series, each with its prediction.

    Raises:
        DataError: the times of a series are irregular; the message names file and series.
    """
    table: dict[str, list[Any]] = {}
    times: list[WrittenTimes | None] = []
    count = 0
    shared: dict[tuple[RowOrder, int, int, int], WrittenTimes | None] = {}  # by the series of a wide table
    for row, said in found:
        count += 1
        targets = predicted_targets(said)
        ahead, horizon = None, len(next(iter(targets.values()))["mean"])
        if (order := row.values.get("order")) is not None:
            known, following = row.values["ahead"]
            key = order, known, following, horizon
            if key not in shared:
                shared[key] = times_ahead(row.where, order, known, following, horizon)
            ahead = shared[key]
        for target, own in targets.items():
            times.append(ahead)
            columns: dict[str, Sequence[Any]] = {
                "series": [said[NAMES]] * horizon,
                **({"target": [target] * horizon} if target else {}),
                TIME: [None] * horizon if ahead is None else ahead.texts,
                "step": range(1, horizon + 1),
                "mean": own["mean"],
                **{f"q{level}": values for level, values in own["quantiles"].items()},
                **{f"path{n}": values for n, values in enumerate(own.get("paths", ()), 1)},
            }
            for name, values in columns.items():
                table.setdefault(name, []).extend(values)
    return PredictionTable(table, times, count)


def write_predictions(found: Iterable[tuple[Row, dict[str, Any]]], path: Path) -> Sequence[str]:
    """Write forecasts as CSV or Parquet, whole or not at all.

    In CSV times are written as in the file of the series. In Parquet dates are timestamps, in UTC if they have a time
    zone, unless some series have dates and others have not.

    Args:
        found: the series, each with its prediction.
        path: which ends with .csv or .parquet.

    Returns:
        Notes for the user.

    Raises:
        ArgumentError: the path ends otherwise.
        DataError: the times of a series are irregular.
        MissingDependencyError: pyarrow is not installed, which writes Parquet.
    """
    if path.suffix.lower() == ".csv":
        write = _csv
    elif path.suffix.lower() == ".parquet":
        needed("pyarrow", "Writing Parquet needs")
        write = _parquet
    else:
        raise ArgumentError(f"{path}: forecasts are written to files called .csv or .parquet.")
    table = prediction_table(found)
    data = write(table)
    with replacing(path) as file:
        file.write(data)
    return [
        *table.notes(),
        f"{path} has {len(table.columns[TIME]):,} rows, the forecasts of {table.series:,} series",
    ]


def _csv(table: PredictionTable) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*table.columns.values(), strict=True))
    return text.getvalue().encode()


def _parquet(table: PredictionTable) -> bytes:
    buffer = io.BytesIO()
    needed("pyarrow.parquet", "Writing Parquet needs").write_table(arrow_table(table), buffer)
    return buffer.getvalue()


def arrow_table(table: PredictionTable) -> Any:
    """Return a table of pyarrow, in which dates are timestamps, unless some series have dates and others have not.

    Raises:
        MissingDependencyError: pyarrow is not installed.
    """
    arrow = needed("pyarrow", "A table of forecasts needs")
    return arrow.table({**table.columns, TIME: timestamps(arrow, table.times, table.columns[TIME])})
