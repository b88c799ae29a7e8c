"""Rows of different lengths in one memory-mapped array."""

from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError, RunFolderError
from tidegate.io.arrays import open_array, write_array, write_array_header
from tidegate.io.files import replacing


class Column(Protocol):
    """The rows of one column: on disk or in memory."""

    def __len__(self) -> int:
        """Number of rows, N."""
        ...

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Return a row (L, ...)."""
        ...

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each row, (N,)."""
        ...


class Rows:
    """A column in memory.

    Args:
        rows: each (L, ...).
    """

    def __init__(self, rows: Sequence[NDArray[Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self._rows[index]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each row, (N,)."""
        return np.array([len(row) for row in self._rows], np.int64)


class Ragged:
    """Concatenated rows: row n is ``values[ends[n-1]:ends[n]]``.

    Args:
        values: (sum of lengths, ...), memory-mapped or not.
        ends: (N,) int64, where each row ends.
    """

    def __init__(self, values: NDArray[Any], ends: NDArray[np.int64]) -> None:
        # Slices of a plain array over the same memory take a fifth of the time of those of a memory map.
        self.values, self.ends = np.asarray(values), np.asarray(ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self.values[int(self.ends[index - 1]) if index else 0 : int(self.ends[index])]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each row, (N,)."""
        return np.diff(self.ends, prepend=0)


class RaggedWriter:
    """Write rows to ``NAME.values.npy`` and ``NAME.ends.npy`` in constant memory plus eight bytes per row.

    To be used in a ``with`` block; the files get their names at its end, and are not written if it fails.

    Args:
        folder: the folder.
        name: the column's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._stack, self._ends, self._length = ExitStack(), array("q"), 0
        self._file: BinaryIO | None = None
        self._dtype, self._inner, self._start = np.dtype(np.int64), (), 0

    def __enter__(self) -> "RaggedWriter":
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            if self._file is None:
                self._open(np.zeros(0, np.int64))
            assert self._file is not None
            self._file.seek(0)
            self._header()
            with replacing(self.folder / f"{self.name}.ends.npy") as file:
                write_array(file, np.frombuffer(self._ends, np.int64) if self._ends else np.zeros(0, np.int64))
        self._stack.__exit__(kind, error, trace)

    def add(self, row: NDArray[Any]) -> None:
        """Add a row (L, ...); all rows have the first one's type and inner shape."""
        if self._file is None:
            self._open(row)
        assert self._file is not None
        if row.dtype != self._dtype or row.shape[1:] != self._inner:
            raise DataError(
                f"Column {self.name!r} holds {self._dtype} of shape (steps, {self._inner}), "
                f"but a row is {row.dtype} of shape {row.shape}."
            )
        self._file.write(np.ascontiguousarray(row).tobytes())
        self._length += len(row)
        self._ends.append(self._length)

    def _open(self, row: NDArray[Any]) -> None:
        self._file = self._stack.enter_context(replacing(self.folder / f"{self.name}.values.npy"))
        self._dtype, self._inner = row.dtype, row.shape[1:]
        self._header()
        self._start = self._file.tell()

    def _header(self) -> None:
        assert self._file is not None
        write_array_header(self._file, self._dtype, (self._length, *self._inner))
        if self._start and self._file.tell() != self._start:
            raise AssertionError("NumPy's header for the final length is longer than the first one.")


def open_ragged(folder: Path, name: str) -> Ragged:
    """Open what a `RaggedWriter` wrote, memory-mapped.

    Raises:
        RunFolderError: a file is missing, truncated or altered.
    """
    values, ends = (open_array(folder / f"{name}.{part}.npy", "start a new run") for part in ("values", "ends"))
    fits = ends.dtype == np.int64 and ends.ndim == 1 and values.ndim >= 1
    last = int(ends[-1]) if fits and len(ends) else 0
    if not fits or last != len(values) or (len(ends) and int(np.diff(ends, prepend=0).min()) < 0):
        raise RunFolderError(f"{folder / name}: its rows do not fit its values: the files were altered.")
    return Ragged(values, ends)
