"""Types and shapes of tensors in TensorFlow's files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.convert.tensorflow_files.wire_format import MessageError, Value, content, fields, number

BFLOAT16 = 14
MOST = 1 << 48  # numbers of a tensor, sizes of zero left out
TYPES: dict[int, Any] = {
    1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 5: np.int16, 6: np.int8, 9: np.int64, 10: np.bool_,
    BFLOAT16: np.uint16, 19: np.float16,
}  # fmt: skip
"""By their numbers in files; texts, resources and complex numbers are left out."""


def shape_of(value: Value) -> tuple[int, ...]:
    """Return a shape from its message.

    Raises:
        MessageError: it has sizes below zero or is not known.
    """
    sizes = []
    for field, dimension in fields(content(value)):
        if field == 2:
            given = [number(size) for n, size in fields(content(dimension)) if n == 1]
            sizes.append(given[-1] if given else 0)
    if any(size < 0 for size in sizes) or len(sizes) > 8 or math.prod(max(1, size) for size in sizes) > MOST:
        raise MessageError("a shape is not known")
    return tuple(sizes)


def bytes_of(kind: int, shape: tuple[int, ...]) -> int:
    """Return how many bytes a tensor takes in a file."""
    return math.prod(shape) * np.dtype(TYPES[kind]).itemsize


def tensor_of(kind: int, shape: tuple[int, ...], data: memoryview) -> Tensor:
    """Return a tensor from its bytes, little end first; bfloat16 as float32.

    Raises:
        MessageError: there are more or fewer bytes than it needs.
    """
    if len(data) != bytes_of(kind, shape):
        raise MessageError(f"a tensor of shape {shape} has {len(data):,} bytes")
    values = np.frombuffer(data, np.dtype(TYPES[kind]).newbyteorder("<"))
    if kind == BFLOAT16:
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), copy=True).reshape(shape))
