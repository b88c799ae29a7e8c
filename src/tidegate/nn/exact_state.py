"""States of half-precision modules: handed on in float32, shown in the module's dtype.

``torch.nn`` returns final states in the module's dtype, and programs rely on it. But a state that is rounded to
bfloat16 between calls forgets (see `tidegate.engine.precision`). So the float32 state stays with the memory of the
rounded one. A module that is given this tensor again, or a detached copy or a view of it, continues from the float32
state; a tensor with other numbers is taken as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tidegate.engine.precision import HALF
from tidegate.engine.run import is_transformed

_NAME = "tidegate_float32_state"


def shown(state: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a float32 state in another dtype; `exact` finds the float32 state again."""
    if state.dtype == dtype:
        return state
    kept = state.contiguous()
    rounded = kept.to(dtype)
    if _has_memory(rounded):
        setattr(rounded.untyped_storage(), _NAME, kept.detach())
    return rounded


def exact(state: Tensor) -> Tensor:
    """Return the float32 state that belongs to a tensor that `shown` returned, or the tensor itself."""
    if state.dtype not in HALF or not _has_memory(state):
        return state
    kept: Tensor | None = getattr(state.untyped_storage(), _NAME, None)
    if kept is None:
        return state
    # A view of the rounded state is the same view of the other one: both are contiguous.
    kept = kept.as_strided(state.shape, state.stride(), state.storage_offset())
    if not torch.equal(kept.to(state.dtype), state.detach()):  # it was written to since
        return state
    return _WithGradientOf.apply(state, kept) if state.requires_grad else kept  # pyright: ignore[reportReturnType]


class _WithGradientOf(torch.autograd.Function):
    """The numbers of one tensor with the history of another."""

    @staticmethod
    def forward(ctx: Any, state: Tensor, kept: Tensor) -> Tensor:
        ctx.dtype = state.dtype
        return kept.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0].to(ctx.dtype), None


def _has_memory(tensor: Tensor) -> bool:
    """Whether a tensor has memory of its own: not while it is traced, and not under ``torch.func`` transforms."""
    if torch.compiler.is_compiling() or type(tensor) not in (Tensor, torch.nn.Parameter):
        return False
    return not torch._C._len_torch_dispatch_stack() and not is_transformed()
