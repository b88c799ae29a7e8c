"""Files that are written completely or not at all, and JSON that is checked when it is read."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tidegate.errors import RunFolderError

T = TypeVar("T")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name only when it is complete.

    The bytes go to ``<name>.partial`` beside it; on a normal exit they are flushed to the disk and renamed over
    ``path``, on an exception they are removed. A crash at any moment leaves the old file or the new one, never a
    part of one.

    Args:
        path: the file to write; its folder is created if it is missing.

    Yields:
        The open binary file, which is seekable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_array_header(file: BinaryIO, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Write NumPy's header for an array; it is padded so that the first dimension can grow in place."""
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, header)


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


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record as JSON, completely or not at all.

    Args:
        path: the file to write.
        record: anything `json` can write; non-ASCII characters are written as escapes.
    """
    with replacing(path) as file:
        file.write((json.dumps(record, indent=1) + "\n").encode("ascii"))


def read_json(path: Path, **expected: object) -> dict[str, Any]:
    """Read a JSON object written by Tidegate.

    Args:
        path: the file to read.
        **expected: entries that must have exactly these values (such as the format and its version).

    Returns:
        The object.

    Raises:
        RunFolderError: the file is missing, unreadable, not JSON, or written by another program or version.
    """
    try:
        record = json.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise RunFolderError(
            f"{path} is missing: is {str(path.parent)!r} the right folder? If so, make it again."
        ) from None
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise RunFolderError(
            f"{path} is not whole JSON ({error}): it was truncated or altered; make it again."
        ) from error
    if not isinstance(record, dict):
        raise RunFolderError(f"{path} should hold a JSON object, but holds a {type(record).__name__}.")
    for name, value in expected.items():
        if record.get(name) != value:
            raise RunFolderError(
                f"{path} should say {name!r}: {value!r}, but says {record.get(name)!r}: "
                "another program or another version of Tidegate wrote it."
            )
    return record


def field(record: dict[str, Any], path: Path, name: str, kind: type[T]) -> T:
    """Return one entry of a record read from a file, after checking its type.

    Args:
        record: the result of `read_json`.
        path: its file, for the message.
        name: the entry's name.
        kind: the type it must have (True and False are not integers).

    Returns:
        The entry.

    Raises:
        RunFolderError: it is missing or has another type.
    """
    value = record.get(name)
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return value
    raise RunFolderError(
        f"{path}: {name!r} should be of type {kind.__name__}, but is {value!r:.80}: the file was altered."
    )
