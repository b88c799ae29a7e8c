"""Arrays in ``.npz`` files, which are not trusted: an array is checked by its header before it is read."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input

ENDINGS = (".npz", ".npy")
ENCRYPTED = 1  # a bit of the flags of a member of a ZIP file
KINDS = {"b", "i", "u", "f", "U", "S"}
NAMES = {"O": "Python objects", "V": "records", "c": "complex numbers", "M": "dates", "m": "durations"}
SURROGATES, AFTER_SURROGATES, CODE_POINTS = 0xD800, 0xE000, 0x110000
# Errors of zipfile, zlib and NumPy for files that are altered or cut off.
BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    UserWarning,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def holds_arrays(path: Path) -> bool:
    """Whether a file is one of arrays, according to its name."""
    return path.suffix.lower() in ENDINGS


def read_arrays(path: Path, wanted: Collection[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Read some arrays of a ``.npz`` file, as far as they exist, and the names of all arrays.

    Numbers, truth values and strings are read; arrays of bytes (NumPy's dtype S) become strings.

    Raises:
        DataError: the file is not a complete ``.npz`` file; an array is of another kind, is larger than
            `tidegate.io.input_files.check_declared_size` allows, or does not hold what its header says; bytes are not
            UTF-8, or strings no Unicode.
    """
    with open_input(path) as handle:
        start = handle.read(len(npy.MAGIC_PREFIX))
        if start == npy.MAGIC_PREFIX:
            raise DataError(f"{path} is a single array (.npy), not a .npz file: write it with np.savez.")
        try:
            with zipfile.ZipFile(handle) as file:
                there = {name.removesuffix(".npy"): name for name in file.namelist()}
                arrays = {name: _array(file, path, name, there[name]) for name in wanted if name in there}
        except DataError:
            raise
        except BROKEN as error:
            what = (str(error) or type(error).__name__).partition("\n")[0]
            raise DataError(f"{path} is not a complete .npz file of plain arrays ({what:.300}).") from error
    return arrays, list(there)


def _array(file: zipfile.ZipFile, path: Path, name: str, member: str) -> NDArray[Any]:
    about = file.getinfo(member)
    if about.flag_bits & ENCRYPTED:
        raise ValueError(f"{name!r} is encrypted")
    if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name!r} is compressed in a way that NumPy does not use")
    with file.open(about) as stream:
        if stream.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
            raise DataError(f"{path}: {name!r} is not an array: write the file with np.savez.")
    with file.open(about) as stream:
        shape, dtype = _header(stream)
        here = about.file_size - stream.tell()
    if dtype.kind not in KINDS:
        raise ValueError(f"{name!r} holds {NAMES.get(dtype.kind, dtype)} in place of numbers or strings")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or not dtype.itemsize or size != here:
        raise ValueError(f"the header of {name!r} says {dtype} of shape {shape}, but {here:,} bytes follow")
    check_declared_size(path, f"the array {name!r}", size)
    with file.open(about) as stream:
        found = npy.read_array(stream, allow_pickle=False)
        stream.read(1)  # at the end the checksum is compared
    return _strings(found, path, name) if dtype.kind in "SU" else found


def _header(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(stream)
    # Version 3 differs from 2 in the names of fields of records, which are refused whatever their names.
    shape, _, dtype = read.get(version, npy.read_array_header_2_0)(stream)
    return shape, dtype


def _strings(found: NDArray[Any], path: Path, name: str) -> NDArray[Any]:
    if found.dtype.kind == "S":
        try:
            return np.char.decode(found, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: {name!r} has bytes that are not UTF-8 ({error}): give strings.") from error
    points = np.ascontiguousarray(found).astype(found.dtype.newbyteorder("=")).view(np.uint32)
    if ((points >= CODE_POINTS) | ((points >= SURROGATES) & (points < AFTER_SURROGATES))).any():
        raise DataError(f"{path}: {name!r} has strings that are no Unicode text.")
    return found
