"""One example to look at, encoded for its task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.columns import Encoded
from tidegate.data.rows import Row
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.tasks.base_task import Columns

WHERE = "what was given"
"""Where a row comes from that was in no file, for error messages."""


@dataclass(frozen=True)
class Example:
    """One example to look at.

    Attributes:
        encoded: its columns.
        columns: the same as a batch of one, on the model's device.
        row: the row it was encoded from; None for an example of the run's own data, whose rows are not stored.
        picture: height, width and perhaps channels of its frames; None if unknown.
    """

    encoded: Encoded
    columns: Columns
    row: Row | None
    picture: tuple[int, ...] | None

    __repr__ = brief_repr


class ArrayRow(NamedTuple):
    """An array as a task's reader would have read it.

    Attributes:
        values: the fields of the row.
        picture: height, width and perhaps channels of one picture, where the array's shape tells.
    """

    values: Mapping[str, Any]
    picture: tuple[int, ...] | None = None


def frames_row(array: NDArray[Any]) -> ArrayRow:
    """Return frames (T, F) or pictures (T, height, width[, channels]) as a row of a tagger or classifier.

    Raises:
        ArgumentError: the array has one axis.
    """
    if array.ndim == 1:
        raise ArgumentError(f"frames should be (T, F) or (T, height, width), but are {array.shape}.")
    return ArrayRow({"frames": np.asarray(array, np.float32).reshape(len(array), -1)}, picture_shape(array.shape[1:]))


def picture_shape(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape if it is one of a picture: (height, width) or (height, width, channels)."""
    return shape if len(shape) in (2, 3) else None


def on_cpu(values: Tensor) -> NDArray[np.float32]:
    """Return values as float32 in memory."""
    return values.detach().to("cpu", torch.float32).numpy()
