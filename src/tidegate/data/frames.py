"""Series of frames in ``.npz`` files: arrays of numbers, one step after another."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.array_files import read_arrays
from tidegate.data.rows import Row
from tidegate.data.tables.cell_values import WrittenNumber, named, text_of
from tidegate.errors import DataError
from tidegate.io.wording import amount

FRAMES, LENGTHS = "frames", "lengths"


def read_frames(path: Path, *, label: str, optional: Sequence[str] = ()) -> Iterator[Row]:
    """Read the series of a ``.npz`` file.

    ``frames`` is (N, T, F), or (N, F) for one step each; ``lengths`` (N,), if there is one, is the number of valid
    steps of each. ``label`` names an array whose first dimension is N.

    Args:
        path: the file.
        label: name of the array of targets; without it, rows have no "label".
        optional: names of further arrays, split by rows if they exist.

    Yields:
        Rows with "frames" (L, F) float32 and, where there is one, "label": a string if the array has one number or
        string for each series, else the array's own row up to the length.

    Raises:
        DataError: the file is not a ``.npz`` file, or arrays are missing or do not match.
    """
    arrays, there = read_arrays(path, (FRAMES, LENGTHS, label, *optional))
    if FRAMES not in arrays:
        raise DataError(f"{path}: there is no array 'frames' of shape (N, T, F); there are: {named(there)}.")
    frames = arrays[FRAMES]
    frames = frames[:, None] if frames.ndim == 2 else frames
    if frames.ndim != 3 or frames.dtype.kind not in "fiub":
        raise DataError(f"{path}: 'frames' should be numbers (N, T, F), but is {frames.dtype} of {frames.shape}.")
    if not all(frames.shape[1:]):
        raise DataError(f"{path}: 'frames' of shape {frames.shape} have no step or no number.")
    for name, it in arrays.items():
        if not it.ndim:
            raise DataError(f"{path}: {name!r} should have {len(frames)} entries, one a series, but is a single value.")
        if len(it) != len(frames):
            raise DataError(f"{path}: there are {len(frames)} series of frames, but {len(it)} in {name!r}.")
    lengths = arrays.get(LENGTHS, np.full(len(frames), frames.shape[1]))
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{path}: 'lengths' should be {len(frames)} whole numbers (N,), but is {lengths.dtype} of {lengths.shape}."
        )
    if len(lengths) and not 0 <= lengths.min() <= lengths.max() <= frames.shape[1]:
        raise DataError(
            f"{path}: 'lengths' should be whole numbers from 0 to {frames.shape[1]}, but goes from {lengths.min()} to "
            f"{lengths.max()}."
        )
    for n, length in enumerate(lengths.tolist()):
        values: dict[str, Any] = {FRAMES: single_precision(frames[n, :length])}
        where = f"{path}, series {n + 1}"
        if label in arrays:
            own = arrays[label][n]
            values["label"] = _text(own, label, where) if own.ndim == 0 else own[:length]
        values |= {name: arrays[name][n] for name in optional if name in arrays}
        yield Row(where, values)


def single_precision(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Convert numbers to float32; those that are too large become infinite, which is refused where they are used."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(numbers, np.float32)


def _text(value: Any, name: str, where: str) -> str:
    """Return a number or string of an array as text, a number in the digits of its own precision."""
    real = value.dtype.kind == "f" and np.isfinite(value)
    found = text_of(WrittenNumber(str(value)) if real else value.item())
    if found is None:
        raise DataError(f"{where}: {name!r} is {value}, which is no class and no name.")
    return found


def checked_frames(row: Row, *, features: int | None = None) -> NDArray[np.float32]:
    """Return a row's frames.

    Raises:
        DataError: there are none, one is not finite, or the number of features is wrong.
    """
    frames = row.values.get(FRAMES)
    if frames is None:
        raise DataError(f"{row.where}: the model reads frames, but text was given.")
    if features is not None and frames.shape[1] != features:
        raise DataError(f"{row.where}: a frame has {frames.shape[1]} numbers, but those of training had {features}.")
    finite = np.isfinite(frames).all(1)
    if not finite.all():
        raise DataError(f"{row.where}: frame {int(np.argmin(finite)) + 1} holds nan or inf.")
    return frames


class FrameStatistics:
    """Mean and standard deviation of each feature, over all added frames."""

    def __init__(self) -> None:
        self.count = self.series = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0  # sum of (x - mean)^2
        self._limits: Any = None

    @property
    def features(self) -> int | None:
        """Number of features, F; None before the first series."""
        return len(self._mean) if self.series else None

    def add(self, frames: NDArray[np.float32]) -> None:
        """Add a series (L, F); all have the same number of features."""
        self.series += 1
        wide = frames.astype(np.float64)
        if not len(wide):
            self._mean = self._mean + np.zeros(wide.shape[1])
            return
        count = self.count + len(wide)
        mean, change = wide.mean(0), wide.mean(0) - self._mean
        self._squares = self._squares + ((wide - mean) ** 2).sum(0) + change**2 * (self.count * len(wide) / count)
        self._mean = self._mean + change * (len(wide) / count)
        limits = (wide.min(0), wide.max(0)) if self._limits is None else self._limits
        self._limits = np.minimum(limits[0], wide.min(0)), np.maximum(limits[1], wide.max(0))
        self.count = count

    def preprocessing(self) -> dict[str, list[float]]:
        """Return ``mean`` and ``deviation`` of each feature; the deviation of a constant feature is 1."""
        if not self.count:
            raise DataError("The training part has no frame: all of its series are empty.")
        varies = self._limits[0] < self._limits[1]
        deviation = np.where(varies, np.sqrt(self._squares / self.count), 1.0)
        return {"mean": np.where(varies, self._mean, self._limits[0]).tolist(), "deviation": deviation.tolist()}

    def note(self) -> str:
        """Describe the amount of data."""
        each = f"{amount(self.count / self.series, 'frame')} on average, {amount(len(self._mean), 'number')} each"
        return f"{self.series:,} series of {each}"
