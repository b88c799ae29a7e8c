"""Weights rounded to int8, for steps that are bound by reading them."""

import torch
from torch import Tensor

from tidegate.errors import ArgumentError

LARGEST = 127  # whole numbers from -127 to 127


def in_int8(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of a matrix to int8 and a scale: w ≈ scale · whole, with scale = max |w| / 127 of the row.

    No number changes by more than half the scale of its row.

    Args:
        matrix: (rows, ·), floating-point.

    Returns:
        The whole numbers, int8, and the scales (rows, 1) in the matrix' dtype; 1 for a row of zeros.

    Raises:
        ArgumentError: a number is not finite.
    """
    if not torch.isfinite(matrix).all():
        raise ArgumentError("Weights that are not finite cannot be rounded to int8.")
    largest = matrix.abs().amax(1, keepdim=True)
    scale = torch.where(largest > 0, largest / LARGEST, 1)
    # A subnormal row may have a scale so coarse that its largest number is past 127 of them.
    return (matrix / scale).round().clamp(-LARGEST, LARGEST).to(torch.int8), scale
