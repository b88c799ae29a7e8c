"""Weights in one piece of memory, as cuDNN reads them.

A drop-in's weights are in one piece, which ``torch.nn.RNNBase`` sees to whenever a module moves to a GPU. Those of
other layers, of single layers out of a module, and weights that were converted are not; nor are those in bfloat16,
which ``flatten_parameters`` of torch 2.13 leaves where they are. PyTorch would copy them at each call, with a warning
whose advice does not help. So they are copied here; gradients go to the originals.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Sizes(NamedTuple):
    """What decides how cuDNN lays weights out.

    Attributes:
        mode: PyTorch's name of the equations.
        hidden_size: H.
        proj_size: features of a projected output, or 0.
        layers: the number of layers.
        directions: 1 or 2.
    """

    mode: str
    hidden_size: int
    proj_size: int
    layers: int
    directions: int


def flat(weights: list[Tensor], sizes: Sizes) -> list[Tensor]:
    """Return weights in one piece of memory if cuDNN is going to read them, else as they are."""
    if not _read_by_cudnn(weights[0]) or in_one_piece(weights):
        return weights
    return [*_Flattened.apply(sizes, *weights)]  # pyright: ignore[reportGeneralTypeIssues]


def _read_by_cudnn(weight: Tensor) -> bool:
    # Not torch.backends.cudnn.is_acceptable, which does not know of bfloat16.
    return torch._VF.cudnn_is_acceptable(weight) and torch._VF._use_cudnn_rnn_flatten_weight()


def in_one_piece(weights: list[Tensor]) -> bool:
    """Whether weights fill one piece of memory, which then is in cuDNN's order."""
    memory = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in weights}
    return [*memory.values()] == [sum(t.nbytes for t in weights)]


class _Flattened(torch.autograd.Function):
    """Copies of weights in one piece of memory."""

    @staticmethod
    def forward(ctx: Any, sizes: Sizes, *weights: Tensor) -> tuple[Tensor, ...]:
        del ctx
        from torch.backends.cudnn.rnn import get_cudnn_mode

        copies = [t.detach().clone() for t in weights]
        mode, hidden, proj, layers, directions = sizes
        each = len(copies) // (layers * directions)
        torch._VF._cudnn_rnn_flatten_weight(
            copies, each, copies[0].shape[1], get_cudnn_mode(mode), hidden, proj, layers, False, directions == 2
        )
        return tuple(copies)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        del ctx
        return None, *gradients
