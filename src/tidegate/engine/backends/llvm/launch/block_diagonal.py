"""Block-diagonal matrices of recurrent products: H hidden units in heads, within which the products stay.

A kernel computes the products of a group of adjacent hidden units at once, and a group may lie in several heads. So a
group multiplies a *window* of the operand that covers its heads, as many elements for every group, and a hidden unit's
weights for elements of other heads are zeros. Where the size of a head is a multiple of a group's, there are none.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.kernels.head_windows import window_size


def windowed(w_hh: Tensor, gates: int, heads: int, span: int, *, transposed: bool) -> Tensor:
    """Return recurrent weights (gates * H, window): a row holds the weights of a hidden unit for its group's window.

    Args:
        w_hh: (gates * H, H / heads).
        gates: how many matrices are stacked.
        heads: how many blocks each has.
        span: hidden units of a group.
        transposed: of the matrices transposed.
    """
    rows, head = w_hh.shape
    blocks = w_hh.reshape(gates, heads, head, head)
    blocks = (blocks.transpose(2, 3) if transposed else blocks).reshape(rows, head)
    size = window_size(rows // gates, head, span)
    if size == head:
        return blocks
    places = _places(rows // gates, head, span, size).repeat(gates, 1)
    return blocks.new_zeros(rows, size).scatter_(1, places, blocks)


@functools.lru_cache(maxsize=64)
def _places(hidden: int, head: int, span: int, size: int) -> Tensor:
    """Return, for each hidden unit, the places of its head's elements in its group's window, (H, head)."""
    units = torch.arange(hidden)
    first = (units // span * span // head * head).clamp(max=hidden - size)  # as the kernel begins a window
    return (units // head * head - first)[:, None] + torch.arange(head)


def outer(gradient: Tensor, operand: Tensor, heads: int, sums: Tensor | None = None) -> Tensor:
    """Return the gradient of a matrix (H, ·) of one product: that of the product, transposed, times the operand.

    Args:
        gradient: of the product, (rows, H).
        operand: (rows, ·).
        heads: blocks of the matrix, whose shape is then (H, H / heads).
        sums: (H,), to which the sums over the rows of the gradient are added.
    """
    if heads == 1:
        return multiply(gradient.t(), operand, sums=sums)
    own = zip(gradient.chunk(heads, 1), operand.chunk(heads, 1), strict=True)
    parts = (None,) * heads if sums is None else sums.chunk(heads)
    made = [multiply(g.t(), o, sums=part) for (g, o), part in zip(own, parts, strict=True)]
    return torch.cat(made)


def add_transposed(gradient: Tensor, product: Tensor, matrix: Tensor, heads: int) -> None:
    """Add to an operand's gradient that of its product, (rows, H), times the matrix (H, ·)."""
    parts = (tensor.chunk(heads, dim) for tensor, dim in ((product, 1), (matrix, 0), (gradient, 1)))
    for own, block, target in zip(*parts, strict=True):
        multiply(own, block, target, add=True)
