"""Reasons why a call cannot run on the kernels."""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor

from tidegate.engine.call import Call

INSTALLED = importlib.util.find_spec("llvmlite") is not None
SINGLE = (torch.float32, torch.bfloat16, torch.float16)  # computed in float32


def reasons_against(call: Call) -> list[str]:
    """List the reasons why a call cannot run on the kernels; an empty list if it can."""
    tensors = call.tensors()
    reasons = [] if INSTALLED else ["llvmlite is not installed (pip install llvmlite)"]
    if devices := {str(t.device) for t in tensors if not t.is_cpu}:
        reasons.append(f"it runs on the CPU, tensors are on {', '.join(sorted(devices))}")
    dtypes = {t.dtype for t in tensors}
    if torch.float64 in dtypes and len(dtypes) > 1:
        reasons.append("float64 is mixed with other dtypes")
    if others := [str(dtype) for dtype in dtypes if dtype != torch.float64 and dtype not in SINGLE]:
        reasons.append(f"it computes in float32 and float64, not {', '.join(sorted(others))}")
    return reasons + derivatives_without_kernel(tensors)


def derivatives_without_kernel(tensors: list[Tensor]) -> list[str]:
    """List the reasons that concern derivatives and tracing."""
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


def _transformed() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


# While compiling, Dynamo calls this function and does not trace it. (torch.compiler.assume_constant_result does the
# same, but imports Dynamo, which takes as long as torch itself.)
_transformed.__dict__["_dynamo_marked_constant"] = True
