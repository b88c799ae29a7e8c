"""Reasons why a call cannot run on PyTorch's own layers, and why it has to be asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.engine.backends.vendor.fused import fused_layers
from tidegate.engine.call import Call
from tidegate.engine.kernels.missing_derivatives import derivatives_without_kernel

COMPUTED = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def reasons_against(call: Call) -> list[str]:
    """List the reasons why PyTorch has no layer for a call; an empty list if it has one."""
    tensors = call.tensors()
    if torch.compiler.is_compiling():
        return ["PyTorch does not compile its own recurrent layers"]
    reasons = []
    if call.cell.digest not in fused_layers():
        reasons.append("PyTorch has no layer with these equations")
    if call.record is not None and call.record.names:
        reasons.append("it records nothing")
    if call.reset is not None:
        reasons.append("it has no resets")
    if not call.x.numel() or not call.hidden_size:
        reasons.append(f"there is nothing to compute: the input is {tuple(call.x.shape)}, {call.hidden_size} units")
    if len(devices := {str(t.device) for t in tensors}) > 1:
        reasons.append(f"tensors are on different devices: {', '.join(sorted(devices))}")
    if call.x.is_meta:
        reasons.append("tensors have no values")
    return reasons + _dtypes(tensors) + _replaced(tensors) + derivatives_without_kernel(tensors)


def reasons_to_ask(call: Call) -> list[str]:
    """List the reasons why a call runs on PyTorch's own layers only if they are asked for."""
    device = call.x.device.type
    if device == "cuda":  # AMD's GPUs too
        return []
    # On MPS they have given wrong outputs and gradients without an error, the last time in 2026 (pytorch #190056).
    where = {"cpu": "the CPU", "mps": "MPS, where they have computed wrongly,", "xpu": "XPU, where they are untested,"}
    return [f"PyTorch's own layers run on {where.get(device, device)} only if asked for"]


def _dtypes(tensors: list[Tensor]) -> list[str]:
    dtypes = {t.dtype for t in tensors}
    if others := [str(dtype) for dtype in dtypes if dtype not in COMPUTED]:
        return [f"it computes in floating point, not {', '.join(sorted(others))}"]
    return ["float64 is mixed with other dtypes"] if torch.float64 in dtypes and len(dtypes) > 1 else []


def _replaced(tensors: list[Tensor]) -> list[str]:
    """List the reasons why operations on these tensors may not be what they seem."""
    if torch._C._len_torch_dispatch_stack() or any(type(t) not in (Tensor, torch.nn.Parameter) for t in tensors):
        return ["tensors or operations are replaced (fake tensors, subclasses, counters)"]
    return []
