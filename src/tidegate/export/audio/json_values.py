"""JSON files of other programs, which are not trusted: an object, and arrays of finite numbers in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.errors import DataError
from tidegate.export.audio.network import Array
from tidegate.io.input_files import open_input
from tidegate.io.wording import quoted


def read_object(path: Path) -> dict[str, Any]:
    """Read a file with a JSON object.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    with open_input(path) as file:
        content = file.read()
    try:
        record = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not whole JSON ({error!s:.100}).") from error
    if not isinstance(record, dict):
        raise DataError(f"{path} should hold a JSON object, but holds {quoted(record)}.")
    return record


def whole(value: object, where: str, least: int = 1) -> int:
    """Return a whole number.

    Raises:
        DataError: it is something else, or smaller than ``least``.
    """
    if type(value) is not int or not least <= value < 1 << 31:
        raise DataError(f"{where} should be a whole number from {least} on, but is {quoted(value)}.")
    return value


def array(value: object, shape: tuple[int, ...], where: str) -> Array:
    """Return nested lists of finite numbers as an array of a shape.

    Raises:
        DataError: they have another shape, or hold something else.
    """
    if not isinstance(value, list) or len(value) != shape[0]:
        size = f"{len(value)} of them" if isinstance(value, list) else quoted(value)
        raise DataError(f"{where} should be a list of {shape[0]}, but there is {size}.")
    if len(shape) > 1:
        return np.stack([array(row, shape[1:], where) for row in value])
    for it in value:
        if type(it) not in (int, float) or not abs(it) < 1e38:
            raise DataError(f"{where} should be numbers that are finite in single precision, but has {quoted(it)}.")
    return np.array(value, np.float64)
