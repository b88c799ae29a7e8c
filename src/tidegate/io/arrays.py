"""Arrays on disk, in NumPy's format."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.errors import RunFolderError

__all__ = ["open_array", "write_array", "write_array_header"]


def write_array_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write NumPy's header for an array; it is padded so that the first dimension can grow in place."""
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)


def write_array(file: BinaryIO, array: NDArray[Any]) -> None:
    """Write an array as ``numpy.save`` does, whose errors of a full disk do not say that it is full."""
    write_array_header(file, array.dtype, array.shape)
    file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")


def open_array(path: Path, advice: str) -> NDArray[Any]:
    """Open an array that Tidegate wrote, memory-mapped and read-only.

    Args:
        path: the file.
        advice: what to do if it is damaged, for messages.

    Raises:
        RunFolderError: it is missing, truncated, or not one plain array.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise RunFolderError(f"{path} is missing: {advice}.") from None
    except (ValueError, OSError, EOFError) as error:
        raise RunFolderError(f"{path} is not a whole array ({error}): {advice}.") from error
    if not isinstance(found, np.ndarray):
        raise RunFolderError(f"{path} does not hold one array: {advice}.")
    return found
