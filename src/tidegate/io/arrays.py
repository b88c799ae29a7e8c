"""Arrays on disk, in NumPy's format."""

import math
import os
import tokenize
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.errors import RunFolderError

__all__ = ["MALFORMED", "open_array", "write_array", "write_array_header"]

# What NumPy raises for a header that was altered.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    OSError,
    RecursionError,
    SyntaxError,
    TypeError,
    UserWarning,
    ValueError,
    tokenize.TokenError,
)


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
        RunFolderError: it is missing, or not one whole array of numbers.
    """
    try:
        with path.open("rb") as file:
            if npy.read_magic(file) != (1, 0):
                raise ValueError("another version of the format")
            shape, fortran, dtype = npy.read_array_header_1_0(file)
            start, end = file.tell(), file.seek(0, os.SEEK_END)
        size = math.prod(shape) * dtype.itemsize
        if (
            dtype.kind not in "biuf"
            or not dtype.isnative
            or fortran
            or min(shape, default=0) < 0
            or start + size != end
        ):
            raise ValueError(f"its header says {dtype} of shape {shape}, but {end - start:,} bytes follow")
        if not size:  # which cannot be mapped
            return np.zeros(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape)
    except FileNotFoundError:
        raise RunFolderError(f"{path} is missing: {advice}.") from None
    except MALFORMED as error:
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        raise RunFolderError(f"{path} is not a whole array ({reason:.200}): {advice}.") from error
