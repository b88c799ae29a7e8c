"""Files that are written completely or not at all, and JSON that is checked when it is read."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tidegate.errors import RunFolderError
from tidegate.io.wording import quoted

T = TypeVar("T")
PARTIAL = ".partial"
LONGEST_NAME = 255  # bytes, on almost all file systems


@contextmanager
def named_errors(path: Path | str) -> Iterator[None]:
    """Give an operating system's error that names no file the name of this one.

    Errors of writing name none, in contrast to those of opening.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error
        raise


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name only when it is complete.

    The bytes go to `partial_name` beside it; on a normal exit they are flushed to the disk and renamed over ``path``,
    on an exception they are removed. A crash at any moment leaves the old file or the new one, never a part of one.

    Args:
        path: the file to write; its folder is created if it is missing.

    Yields:
        The open binary file, which is seekable.

    Raises:
        OSError: it cannot be written; the error names ``path``.
    """
    partial = path.with_name(partial_name(path.name))
    try:
        with named_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):  # it was not even made
            partial.unlink()
        if isinstance(error, OSError) and error.filename == str(partial):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def partial_name(name: str) -> str:
    """Return the name of a file until it is complete: its own with ``.partial``, if the file system takes that."""
    if len(os.fsencode(name)) + len(PARTIAL) <= LONGEST_NAME:
        return name + PARTIAL
    return hashlib.sha256(os.fsencode(name)).hexdigest() + PARTIAL


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
        f"{path}: {name!r} should be of type {kind.__name__}, but is {quoted(value)}: the file was altered."
    )
