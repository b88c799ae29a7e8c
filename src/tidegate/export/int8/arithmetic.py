"""What products of weights and vectors in 8 bits are, exactly."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tidegate.engine.int8 import LARGEST, in_int8
from tidegate.export.graph.evaluated import Multiply

TINY = 1e-30  # a vector of smaller numbers is zeros


def rounded_products(scales: Mapping[str, float] | None = None) -> Multiply:
    """Return how `tidegate.export.graph.evaluated.evaluate` multiplies in 8 bits, as the code in C does.

    ::

        W x ≈ s_w s_x (round(W / s_w) round(x / s_x))

    with a scale s_w = max |w| / 127 of each row of W and one of the vector x. Products of whole numbers are added up
    exactly.

    Args:
        scales: of vectors, by name; larger numbers than 127 of them are 127. Without one it is max |x| / 127, at every
            step.
    """
    fixed = dict(scales or {})
    rounded: dict[tuple[object, ...], tuple[Tensor, Tensor, Tensor]] = {}

    def multiply(name: str, matrix: Tensor, vectors: Tensor) -> Tensor:
        key = matrix.data_ptr(), matrix.shape, matrix.stride()
        if key not in rounded:
            whole, scale = in_int8(matrix)
            rounded[key] = whole.double().t(), scale[:, 0], matrix  # kept, so that its memory is not another's
        weights, row_scales, _ = rounded[key]
        whole, scale = _vectors_in_int8(vectors, fixed.get(name))
        return scale * row_scales * (whole.double() @ weights).float()

    return multiply


def _vectors_in_int8(vectors: Tensor, scale: float | None) -> tuple[Tensor, Tensor]:
    if scale is not None:
        return (vectors / scale).round().clamp(-LARGEST, LARGEST), torch.tensor(scale)
    largest = vectors.abs().amax(-1, keepdim=True)
    own = torch.where(largest < TINY, 0, largest / LARGEST)
    return (vectors / torch.where(own == 0, 1, own)).round(), own
