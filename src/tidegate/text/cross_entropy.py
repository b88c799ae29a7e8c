"""Output layer and cross-entropy in one pass, for vocabularies so large that their logits fill the memory.

``loss = -sum_i log softmax(W x_i + b)[target_i]``. Logits are made for some rows at a time, turned into their own
gradient, ``softmax - one-hot``, while they are at hand, and forgotten: at no time are all of them kept, and backward
computes nothing. The products are the CPU kernels' own.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.engine import BACKENDS

LARGE = 8192  # tokens; with fewer, results stay what they were, bit for bit, before there was this pass
ROOM = 1 << 24  # logits kept at once: 64 MiB in float32
CACHED = 1 << 19  # logits that stay in the cache between two operations


def output_nats(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    gradient: float = 1.0,
    large: int = LARGE,
) -> Tensor:
    """Compute the summed cross-entropy of a linear output layer.

    Args:
        features: (..., H).
        weight: W, (V, H).
        bias: b, (V,), or None.
        targets: (...), int64.
        gradient: what backward will be given: it then multiplies no gradient by it.
        large: vocabularies smaller than this are left to PyTorch.

    Returns:
        A scalar, in nats.
    """
    flat, truth = features.flatten(0, -2), targets.flatten()
    if (multiply := _product(flat, weight, large)) is None:
        return functional.cross_entropy(functional.linear(flat, weight, bias), truth, reduction="sum")
    if torch.is_grad_enabled() and any(it.requires_grad for it in (flat, weight, bias) if it is not None):
        return _Nats.apply(flat, weight, bias, truth, gradient, multiply)  # pyright: ignore[reportReturnType]
    parts = [nats for nats, *_ in _chunks(flat, weight, bias, truth, None, multiply)]
    return torch.stack(parts).sum()


def _product(features: Tensor, weight: Tensor, large: int) -> Callable[..., Tensor] | None:
    """Return the kernels' matrix product if it takes these tensors and pays."""
    plain = features.is_cpu and features.dtype == weight.dtype and features.dtype in (torch.float32, torch.float64)
    if len(weight) < large or not plain or not len(features) or torch.is_autocast_enabled("cpu"):
        return None
    return _own_product()


@functools.cache
def _own_product() -> Callable[..., Tensor] | None:
    return next((product for it in BACKENDS if (product := it.matrix_product()) is not None), None)


class _Nats(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        gradient: float,
        multiply: Callable[..., Tensor],
    ) -> Tensor:
        by_features, by_weight = torch.empty_like(features), torch.empty_like(weight)
        by_bias = None if bias is None else torch.zeros_like(bias)
        ctx.scale = scale = torch.tensor(gradient, dtype=features.dtype).item()
        parts = []
        for nats, rows, by_logits in _chunks(features, weight, bias, targets, scale, multiply):
            multiply(by_logits, weight, by_features[rows])
            multiply(by_logits.t(), features[rows], by_weight, add=bool(parts), sums=by_bias)
            parts.append(nats)
        ctx.found = (by_features, by_weight, by_bias)
        return torch.stack(parts).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        found, ctx.found = ctx.found, None  # no reference is left, so that autograd need not copy them
        if found is None:
            raise RuntimeError("The gradient of the output layer was already used: run forward again.")
        if given.item() != ctx.scale:
            found = tuple(None if it is None else it * (given / ctx.scale) for it in found)
        return *found, None, None, None


def _chunks(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    scale: float | None,
    multiply: Callable[..., Tensor],
) -> Iterator[tuple[Tensor, slice, Tensor]]:
    """Iterate over some rows at a time: their loss, which rows, and ``scale`` times the gradient of their logits."""
    count, vocabulary = len(features), len(weight)
    parts = -(-count * vocabulary // ROOM)
    step = -(-count // parts)
    room = features.new_empty(step, vocabulary)
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        truth = targets[rows, None]
        logits = room[: len(truth)]
        if bias is not None:
            logits.copy_(bias)
        multiply(features[rows], weight.t(), logits, add=bias is not None)
        of_truth = logits.gather(1, truth)
        total = torch.zeros((), dtype=features.dtype)
        few = max(1, CACHED // vocabulary)
        for block, true in zip(logits.split(few), truth.split(few), strict=True):
            total += _turn_into_gradient(block, true, scale)
        yield total - of_truth.sum(), rows, logits


def _turn_into_gradient(logits: Tensor, truth: Tensor, scale: float | None) -> Tensor:
    """Replace logits (n, V) by ``scale (softmax - one-hot)`` if there is a scale; return the sum of log sum exp."""
    top = logits.amax(1, keepdim=True)
    sums = logits.sub_(top).exp_().sum(1, keepdim=True)
    if scale is not None:
        logits.scatter_add_(1, truth, -sums).mul_(scale / sums)
    return (top + sums.log()).sum()
