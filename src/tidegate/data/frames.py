"""Series of frames in ``.npz`` files: arrays of numbers, one step after another."""

import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.rows import Row
from tidegate.errors import DataError

FRAMES, LENGTHS = "frames", "lengths"
# Errors of zipfile, zlib and NumPy for files that are altered, encrypted, or claim to be larger than the memory.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


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
        raise DataError(f"{path}: there is no array 'frames' of shape (N, T, F); there are: {', '.join(there)}.")
    frames = arrays[FRAMES]
    frames = frames[:, None] if frames.ndim == 2 else frames
    if frames.ndim != 3 or frames.dtype.kind not in "fiub":
        raise DataError(f"{path}: 'frames' should be numbers (N, T, F), but is {frames.dtype} of {frames.shape}.")
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
        values: dict[str, Any] = {FRAMES: np.asarray(frames[n, :length], np.float32)}
        if label in arrays:
            own = arrays[label][n]
            values["label"] = str(own) if own.ndim == 0 else own[:length]
        values |= {name: arrays[name][n] for name in optional if name in arrays}
        yield Row(f"{path}, series {n + 1}", values)


def read_arrays(path: Path, wanted: Collection[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Read some arrays of a ``.npz`` file, as far as they exist, and the names of all arrays.

    Arrays of bytes (NumPy's dtype S) become strings.

    Raises:
        DataError: the file is not a complete ``.npz`` file of plain arrays, or bytes are not UTF-8.
    """
    try:
        # Opened here, since NumPy does not close a broken file.
        with path.open("rb") as handle:
            found = np.load(handle, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise DataError(f"{path} is a single array (.npy), not a .npz file: write it with np.savez.")
            with found as file:
                there = list(file)
                arrays = {name: file[name] for name in wanted if name in there}
    except DataError:
        raise
    except BROKEN as error:
        what = str(error) or type(error).__name__
        raise DataError(f"{path} is not a complete .npz file of plain arrays ({what}).") from error
    for name, it in arrays.items():
        if not isinstance(it, np.ndarray):
            raise DataError(f"{path}: {name!r} is not an array: write the file with np.savez.")
        try:
            arrays[name] = np.char.decode(it, "utf-8") if it.dtype.kind == "S" else it
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: {name!r} has bytes that are not UTF-8 ({error}): give strings.") from error
    return arrays, there


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
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    @property
    def features(self) -> int | None:
        """Number of features, F; None before the first series."""
        return len(self._sum) if self.series else None

    def add(self, frames: NDArray[np.float32]) -> None:
        """Add a series (L, F); all have the same number of features."""
        wide = frames.astype(np.float64)
        self.count, self.series = self.count + len(frames), self.series + 1
        self._sum, self._squares = self._sum + wide.sum(0), self._squares + (wide**2).sum(0)

    def preprocessing(self) -> dict[str, list[float]]:
        """Return ``mean`` and ``deviation`` of each feature; the deviation of a constant feature is 1."""
        mean = self._sum / self.count
        deviation = np.sqrt(np.maximum(self._squares / self.count - mean**2, 0))
        return {"mean": mean.tolist(), "deviation": np.where(deviation > 1e-6, deviation, 1.0).tolist()}

    def note(self) -> str:
        """Describe the amount of data."""
        return (
            f"{self.series:,} series of {self.count / self.series:.1f} frames on average, {len(self._sum)} numbers each"
        )
