"""What derivatives and transforms are asked of a call, which a kernel has no answer to."""

from __future__ import annotations

import torch
from torch import Tensor


def derivatives_without_kernel(tensors: list[Tensor]) -> list[str]:
    """List the reasons why no kernel can run on these tensors that concern derivatives and tracing."""
    reasons, compiling = [], torch.compiler.is_compiling()
    if _transformed():
        reasons.append("a torch.func transform is active")
    if not compiling and torch._C._is_tracing():
        reasons.append("torch.jit is tracing")
    forward = torch.autograd.forward_ad
    # While compiling it is not possible to find out whether a tensor has a tangent.
    if forward._current_level >= 0 and (compiling or any(forward.unpack_dual(t).tangent is not None for t in tensors)):
        reasons.append("an input has a forward-mode tangent")
    return reasons


def is_batched(gradient: Tensor) -> bool:
    """Whether a tensor is many at once: backward is called under ``vmap``."""
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def _transformed() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


# While compiling, Dynamo calls this function and does not trace it. (torch.compiler.assume_constant_result does the
# same, but imports Dynamo, which takes as long as torch itself.)
_transformed.__dict__["_dynamo_marked_constant"] = True
