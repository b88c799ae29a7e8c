"""``metrics.jsonl`` as a table: a row for each report of training and each validation."""

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from tidegate.errors import RunFolderError
from tidegate.train.listing.run_list import METRICS

NAMES = {"nats": "loss", "own_share": "sampling_probability", "units": "predictions"}
CLOCK = {"elapsed": "elapsed", "units_per_second": "predictions_per_second"}


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Read the reports and validations of a run, under the names that `tidegate.train.Event` uses.

    Raises:
        RunFolderError: the file cannot be read, or a line of it was altered.
    """
    rows: list[dict[str, Any]] = []

    def read(record: dict[str, Any]) -> None:
        if record["event"] in ("train", "validation"):
            rows.append(_row(record))

    read_records(folder, read)
    return rows


def read_records(folder: Path, read: Callable[[dict[str, Any]], None]) -> None:
    """Read what was reported of a run, record by record.

    Args:
        folder: the run.
        read: takes a record; what it raises for one of another form means that its line was altered.

    Raises:
        RunFolderError: the file cannot be read, or a line of it was altered.
    """
    path = folder / METRICS
    try:
        whole = path.read_bytes().rpartition(b"\n")[0]  # a line without its newline is still being written
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise RunFolderError(f"{path}, line {number} was altered: {error}.") from error


def _row(record: dict[str, Any]) -> dict[str, Any]:
    clock, metrics = record.pop("clock"), record.pop("metrics", {})
    row = {"step": int(record.pop("step"))} | {NAMES.get(name, name): value for name, value in record.items()}
    row |= {CLOCK.get(name, name): value for name, value in clock.items()} | metrics
    if not all(isinstance(value, str | int | float) for value in row.values()):
        raise ValueError("a value is neither a number nor a word")
    return row


def write_csv(folders: Iterable[Path], file: TextIO) -> None:
    """Write the metrics of runs as CSV: the run, the step, the event, and a column for each value.

    Raises:
        RunFolderError: a file cannot be read, or was altered.
    """
    rows = [{"run": str(folder), **row} for folder in folders for row in read_metrics(folder)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
