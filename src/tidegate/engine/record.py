"""What to record of a run besides its output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.cells import Cell
from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Record:
    """Which gate activations and states to record, and at which steps.

    Attributes:
        names: gates and states by the cell's names, in the order wanted.
        every: record steps 0, every, 2 * every, ...
    """

    names: tuple[str, ...]
    every: int = 1


def as_record(cell: Cell, record: Record | str | Iterable[str] | None) -> Record | None:
    """Return the ``record=`` argument as a checked `Record`; "all" is every name that the cell has.

    Raises:
        ArgumentError: the cell has no such name, or ``every`` is less than 1.
    """
    if record is None:
        return None
    if record == "all":
        record = Record(cell.recorded)
    elif not isinstance(record, Record):
        record = Record((record,) if isinstance(record, str) else tuple(record))
    for name in record.names:
        if name not in cell.recorded:
            raise ArgumentError(f"{cell.name} records {', '.join(cell.recorded)}; it has no {name!r}.")
    if record.every < 1:
        raise ArgumentError(f"Record(every={record.every}): every must be at least 1.")
    return record
