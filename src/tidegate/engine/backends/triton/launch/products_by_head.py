"""Products outside of the kernels with matrices that may be block-diagonal, (H, H / heads)."""

from __future__ import annotations

from torch import Tensor


def outer(gradient: Tensor, operand: Tensor, heads: int) -> Tensor:
    """Return the gradient of a matrix: that of its product (N, H), transposed, times its operand (N, ·)."""
    if heads == 1:
        return gradient.t() @ operand
    return (_by_head(gradient, heads).transpose(1, 2) @ _by_head(operand, heads)).flatten(0, 1)


def times(gradient: Tensor, matrix: Tensor, heads: int) -> Tensor:
    """Return the gradient of an operand (N, ·): that of its product (N, H) times the matrix."""
    if heads == 1:
        return gradient @ matrix
    return (_by_head(gradient, heads) @ matrix.unflatten(0, (heads, -1))).transpose(0, 1).flatten(1)


def _by_head(vectors: Tensor, heads: int) -> Tensor:
    """Cut (N, H) into (heads, N, H / heads)."""
    return vectors.unflatten(1, (heads, -1)).transpose(0, 1)
