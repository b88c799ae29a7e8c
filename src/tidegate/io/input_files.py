"""Files that people give: regular ones only, and no larger in memory than fits their size on disk."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from tidegate.errors import ArgumentError, DataError
from tidegate.io.wording import quoted

LARGEST, LARGEST_NAME = 1 << 30, "TIDEGATE_MAX_ARRAY_BYTES"
TIMES_THE_FILE = 10
LONGEST_NAME = 1000  # characters in a message; no file system has longer paths than a few thousand
KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def open_input(path: Path) -> BinaryIO:
    """Open a file that was given to be read.

    Raises:
        DataError: it does not exist, cannot be read, or is no regular file. Files are read more than once, and a pipe
            can be read once only; opening one may wait for ever.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind in KINDS:
            raise DataError(
                f"{path} is {KINDS[kind]}, but files are read more than once: write its contents to a regular file "
                "and give that."
            )
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{str(path)[:LONGEST_NAME]} cannot be read: {error.strerror}.") from error
    except DataError:
        raise
    except ValueError as error:  # a name that no file can have: it holds a NUL or half of a surrogate pair
        raise DataError(f"{str(path)[:LONGEST_NAME]!r} cannot be the name of a file: {error!s:.100}.") from error


def check_declared_size(path: Path, what: str, size: int) -> None:
    """Check how large an array would be in memory before it is read: a few bytes may claim, or unpack to, terabytes.

    The bound is 1 GiB, or ten times the size of the file if that is more; the environment variable
    ``TIDEGATE_MAX_ARRAY_BYTES`` replaces 1 GiB.

    Args:
        path: the file.
        what: the part of it, for the message.
        size: bytes in memory, as the file declares.

    Raises:
        DataError: it is larger than the bound.
        ArgumentError: the environment variable is not a whole number.
    """
    bound = largest_size(path)
    if size > bound:
        raise DataError(
            f"{path}: {what} would take {size:,} bytes, but at most {bound:,} are read from a file of this size. If "
            f"that is right, set the environment variable {LARGEST_NAME} to as many bytes."
        )


def largest_size(path: Path) -> int:
    """Return how many bytes an array of a file may take: see `check_declared_size`.

    Raises:
        ArgumentError: the environment variable is not a whole number.
    """
    given = os.environ.get(LARGEST_NAME, str(LARGEST))
    if not given.isascii() or not given.isdigit():
        raise ArgumentError(
            f"{LARGEST_NAME} is {quoted(given, 40)}, but should be a number of bytes such as {LARGEST}."
        )
    return max(int(given), TIMES_THE_FILE * path.stat().st_size)


def refuse_overlap(parts: Mapping[str, Iterable[Path]]) -> None:
    """Check that no file is in two parts of the data.

    Args:
        parts: the files and folders of each part, by its name.

    Raises:
        DataError: one is.
    """
    held: dict[Path, tuple[str, Path]] = {}
    for name, paths in parts.items():
        for path in paths:
            part, other = held.setdefault(path.resolve(), (name, path))
            if part != name:
                raise DataError(f"{other} is given for {part} and for {name}: leave it out of one of them.")
    for whole, (name, path) in held.items():
        for part, other in (held[above] for above in whole.parents if above in held):
            if part != name:
                raise DataError(f"{path} is given for {name}, and is in {other}, which is given for {part}.")
