"""Predictions at every step as a file: a table, or a recording."""

import codecs
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tidegate.data.rows import Row
from tidegate.data.series.written_times import TIME, WrittenTimes, timestamps, write_times
from tidegate.errors import ArgumentError
from tidegate.io.files import replacing
from tidegate.io.optional import needed
from tidegate.tasks.regress.audio import is_audio, write_wav
from tidegate.tasks.regress.series_rows import NAME

Found = Iterable[tuple[Row, dict[str, Any]]]


def write_predictions(found: Found, path: Path) -> Sequence[str]:
    """Write predictions for series to a file, whole or not at all.

    Args:
        found: the series, each with its prediction.
        path: ``.csv`` or ``.parquet``, a line for each step: the series, its time where the file has times, the number
            of its row in a table or of the step, and a column for each target; or ``.wav``, of one recording. CSV has
            times as the file of the series writes them; in Parquet dates are timestamps, in UTC if they have a time
            zone.

    Returns:
        Notes for the user.

    Raises:
        ArgumentError: it is called otherwise; a target has the name of another column; or a recording is to be written
            of anything but one recording.
        MissingDependencyError: pyarrow is not installed, which writes Parquet.
    """
    if is_audio(path):
        _write_recording(list(found), path)
        return []
    if path.suffix.lower() == ".csv":
        return _write_csv(found, path)
    if path.suffix.lower() == ".parquet":
        return _write_parquet(found, path)
    raise ArgumentError(f"{path}: predictions are written to files called .csv, .parquet or .wav.")


class _Table(NamedTuple):
    """The predictions for one series: columns of equal length by name, and the times if there are any."""

    columns: dict[str, Sequence[Any]]
    times: WrittenTimes | None


def _table(row: Row, prediction: dict[str, Any], path: Path) -> _Table:
    targets, rows, order = prediction["values"], row.values.get("rows"), row.values.get("order")
    steps = len(next(iter(targets.values())))
    columns: dict[str, Sequence[Any]] = {NAME: [row.values[NAME]] * steps}
    times = None
    if order is not None and order.column is not None:
        times = write_times(row.where, order, [order.times[n] for n in order.order.tolist()])
        columns[TIME] = times.texts
    columns |= {"step": range(1, steps + 1)} if rows is None else {"row": rows.tolist()}
    if taken := [name for name in targets if name in columns]:
        raise ArgumentError(
            f"{path}: a target is called {taken[0]!r}, as a column of predictions is: predict with --json, or rename "
            "it before training."
        )
    return _Table(columns | targets, times)


def _write_csv(found: Found, path: Path) -> list[str]:
    notes = []
    with replacing(path) as file:
        lines = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
        head: list[str] = []
        for row, prediction in found:
            table = _table(row, prediction, path)
            if not head:
                head = list(table.columns)
                lines.writerow(head)
            numbers = {name: [f"{value:.9g}" for value in values] for name, values in prediction["values"].items()}
            lines.writerows(zip(*(table.columns | numbers).values(), strict=True))
            notes += [table.times.note] if table.times and table.times.note else []
    return notes


def _write_parquet(found: Found, path: Path) -> list[str]:
    arrow, parquet = (needed(name, "Writing Parquet needs") for name in ("pyarrow", "pyarrow.parquet"))
    columns: dict[str, list[Any]] = {}
    times: list[WrittenTimes | None] = []
    for row, prediction in found:
        table = _table(row, prediction, path)
        times.append(table.times)
        for name, values in table.columns.items():
            columns.setdefault(name, []).extend(values)
    if TIME in columns and any(times):
        columns[TIME] = timestamps(arrow, times, columns[TIME])
    with replacing(path) as file:
        parquet.write_table(arrow.table(columns), file)
    return [it.note for it in times if it is not None and it.note]


def _write_recording(found: list[tuple[Row, dict[str, Any]]], path: Path) -> None:
    if len(found) != 1 or not found[0][0].values["rate"]:
        recordings = sum(row.values["rate"] > 0 for row, _ in found)
        raise ArgumentError(
            f"{path}: one recording is written, but {len(found)} series were read, {recordings} of them from WAV "
            "files: give one WAV file, or write .csv."
        )
    ((row, prediction),) = found
    write_wav(path, row.values["rate"], np.stack(list(prediction["values"].values()), 1))
