"""Frames and images as pictures: the numbers that a model read, scaled to 0..1."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Preprocessing
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.tasks.seq2seq.caption import extra_names

MOST_EXTRA = 16  # numbers after an image's pixels


@dataclass(frozen=True)
class Frames:
    """T pictures.

    Attributes:
        values: (T, height, width) or (T, height, width, channels) float32, from 0 to 1.
        low: the number that became 0.
        high: the number that became 1.
    """

    values: NDArray[np.float32]
    low: float
    high: float

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.values)


def pictures(numbers: NDArray[Any], shape: Sequence[int] | None = None) -> Frames:
    """Return numbers (T, F) as T pictures, all on one scale.

    Numbers from 0 to 1 stay as they are; otherwise the lowest becomes 0 and the highest 1.

    Args:
        numbers: (T, F), finite, T at least 1.
        shape: (height, width) or (height, width, channels) of a picture. Default: a square if F is a square number;
            else a square in red, green and blue if F is 3 times a square number; else one line of F points.

    Raises:
        ArgumentError: the shape does not hold F numbers.
    """
    count = numbers.shape[1]
    found = picture_shape_of(count) if shape is None else tuple(int(it) for it in shape)
    if len(found) not in (2, 3) or min(found) < 1 or prod(found) != count:
        raise ArgumentError(
            f"A picture of shape {found} does not hold {count} numbers: give (height, width) or (height, width, "
            "channels) whose product is that."
        )
    wide = np.asarray(numbers, np.float64)
    low, high = float(wide.min()), float(wide.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = (wide - low) / (high - low if high > low else 1.0)
    return Frames(scaled.astype(np.float32).reshape(len(numbers), *found), low, high)


def pixels_of(count: int) -> int:
    """Return how many of an image's numbers, the first ones, are its pixels, where nothing says so.

    All, unless they are a square of at least 4 x 4 and up to 16 numbers more, which then are no pixels.
    """
    square = isqrt(count) ** 2
    is_line = picture_shape_of(count)[0] == 1
    return square if is_line and square >= 16 and count - square <= MOST_EXTRA else count


def pixel_count(preprocessing: Preprocessing, count: int) -> int:
    """Return how many of the ``count`` numbers of a captioner's image, the first ones, are its pixels."""
    names = extra_names(preprocessing)
    return count - len(names) if names else pixels_of(count)


def picture_shape_of(count: int) -> tuple[int, ...]:
    """Return the shape of a picture of ``count`` numbers where nothing says it: see `pictures`."""
    side = isqrt(count)
    if side > 1 and side * side == count:
        return side, side
    side = isqrt(count // 3)
    return (side, side, 3) if side > 1 and 3 * side * side == count else (1, count)
