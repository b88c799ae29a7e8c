"""What the columns of encoded examples hold, to check those of a run folder, which is not trusted."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import FILE, Examples, Part
from tidegate.data.ragged_array import Ragged
from tidegate.errors import RunFolderError

AT_ONCE = 1 << 22  # values


class ColumnKind(NamedTuple):
    """What a column holds.

    Attributes:
        dtype: type of the numbers as NumPy abbreviates it: "i8", "u1", "f4", "b"; "f" is floating point of any width.
        shape: of each step.
        below: whole numbers are less than this; None: no limit.
        lowest: the lowest whole number.
        length: steps of each example, or the column that has as many; None: any number.
        shortest: the least number of steps.
        finite: whether nan and infinity are excluded.
        counts: the column whose steps these numbers count; "" if they count none.
    """

    dtype: str
    shape: tuple[int, ...] = ()
    below: int | None = None
    lowest: int = 0
    length: int | str | None = None
    shortest: int = 0
    finite: bool = True
    counts: str = ""


Kinds = Mapping[str, ColumnKind]


def check_examples(data: Examples, kinds: Callable[[str], Kinds]) -> None:
    """Compare the columns of all parts with what they should hold.

    Args:
        data: the examples of a run.
        kinds: what a part's columns hold, by the name of the part.

    Raises:
        RunFolderError: a column is missing, or holds something else.
    """
    for name, part in data.parts.items():
        check_columns(part, kinds(name), data.folder / FILE)


def stored_text(values: NDArray[Any]) -> str:
    """Decode a text that is stored as the bytes of a column.

    Raises:
        RunFolderError: it is not UTF-8.
    """
    try:
        return np.asarray(values).tobytes().decode()
    except UnicodeDecodeError as error:
        raise RunFolderError(
            f"A text among the run's examples is not UTF-8 ({error.reason}): the files were altered; start a new run."
        ) from error


def check_columns(part: Part, kinds: Kinds, where: Path) -> None:
    """Compare the columns of a part with what they should hold.

    Args:
        part: the part, with any number of examples.
        kinds: by name.
        where: the file that lists the columns.

    Raises:
        RunFolderError: a column is missing, or holds something else.
    """
    if not len(part):
        return
    for name, kind in kinds.items():
        column = part.columns.get(name)
        if not isinstance(column, Ragged):
            raise RunFolderError(f"{where}: the column {name!r} is missing: the file was altered.")
        fault = _fault(column, kind, part)
        if fault:
            raise RunFolderError(f"{where}: the column {name!r} {fault}: the files were altered; start a new run.")


def _fault(column: Ragged, kind: ColumnKind, part: Part) -> str:
    values, lengths = column.values, column.lengths
    if not values.dtype.str[1:].startswith(kind.dtype) or values.shape[1:] != kind.shape:
        return f"holds {values.dtype} of shape {values.shape[1:]} for each step"
    other = part.columns.get(kind.length) if isinstance(kind.length, str) else None
    expected = other.lengths if other is not None else kind.length
    if expected is not None and not np.array_equal(lengths, np.broadcast_to(np.asarray(expected), lengths.shape)):
        return f"should have as many steps as {kind.length!r}" if other is not None else f"should have {expected} steps"
    if lengths.min() < kind.shortest:
        return f"has an example of {lengths.min()} steps"
    for start in range(0, len(values), AT_ONCE):
        piece = values[start : start + AT_ONCE]
        if values.dtype.kind == "f" and kind.finite and not np.isfinite(piece).all():
            return "holds nan or infinity"
        if values.dtype.kind == "i" and (piece.min() < kind.lowest or (kind.below and piece.max() >= kind.below)):
            return f"holds numbers from {piece.min()} to {piece.max()}, but there are {kind.below}"
    if kind.counts and not _counts(values, lengths, part.columns[kind.counts].lengths):
        return f"does not count the steps of {kind.counts!r}"
    return ""


def _counts(values: NDArray[Any], lengths: NDArray[Any], counted: NDArray[Any]) -> bool:
    """Whether the numbers of each example add up to its steps in another column."""
    if len(values) and values.max() > counted.max():  # before they are added up, which may overflow
        return False
    total, ends = np.concatenate([[0], np.cumsum(values)]), np.cumsum(lengths)
    return np.array_equal(total[ends] - total[ends - lengths], counted)
