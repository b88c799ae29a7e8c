"""Reasons why a call cannot run on Triton's kernels."""

from __future__ import annotations

import torch

from tidegate.engine.backends.triton.launch.tiles import interpreted
from tidegate.engine.call import Call
from tidegate.engine.kernels.missing_derivatives import derivatives_without_kernel
from tidegate.engine.precision import HALF
from tidegate.errors import BrokenDependencyError, MissingDependencyError
from tidegate.io.optional import needed

OLDEST = (8, 0)  # NVIDIA's compute capability with TF32 and bfloat16


def reasons_against(call: Call) -> list[str]:
    """List the reasons why a call cannot run on the kernels; an empty list if it can."""
    tensors = call.tensors()
    devices = {t.device for t in tensors}
    if len(devices) > 1:
        return [f"its tensors are on several devices: {', '.join(sorted(map(str, devices)))}"]
    device = call.x.device
    if device.type != "cuda" and not (device.type == "cpu" and interpreted()):
        return [f"it runs on GPUs (CUDA, ROCm), tensors are on {device}"]
    reasons = []
    if fault := _triton_fault():
        reasons.append(fault)
    if device.type == "cuda" and not torch.version.hip and torch.cuda.get_device_capability(device) < OLDEST:
        have = ".".join(map(str, torch.cuda.get_device_capability(device)))
        reasons.append(f"it needs compute capability {OLDEST[0]}.{OLDEST[1]}, {device} has {have}")
    if not call.hidden_size:
        reasons.append("there are no hidden units")
    if others := sorted(str(t.dtype) for t in tensors if t.dtype != torch.float32 and t.dtype not in HALF):
        reasons.append(f"it computes in float32 and in half precision, not {', '.join(dict.fromkeys(others))}")
    return reasons + derivatives_without_kernel(tensors)


def _triton_fault() -> str:
    """Say why Triton cannot be imported; an empty text if it can."""
    try:
        needed("triton", "Kernels on a GPU need")
    except (MissingDependencyError, BrokenDependencyError) as error:
        return str(error)
    return ""


# While compiling, Dynamo calls these functions and does not trace them.
for _function in (_triton_fault, interpreted):
    _function.__dict__["_dynamo_marked_constant"] = True
