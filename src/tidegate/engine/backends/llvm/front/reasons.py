"""Reasons why a call cannot run on the kernels."""

from __future__ import annotations

import warnings

import torch

from tidegate.engine.call import Call
from tidegate.engine.kernels.missing_derivatives import derivatives_without_kernel
from tidegate.errors import BrokenDependencyError, MissingDependencyError
from tidegate.io.optional import needed

SINGLE = (torch.float32, torch.bfloat16, torch.float16)  # computed in float32, but for products of bfloat16


def reasons_against(call: Call) -> list[str]:
    """List the reasons why a call cannot run on the kernels; an empty list if it can."""
    tensors = call.tensors()
    reasons = [fault] if (fault := llvmlite_fault()) else []
    if devices := {str(t.device) for t in tensors if not t.is_cpu}:
        reasons.append(f"it runs on the CPU, tensors are on {', '.join(sorted(devices))}")
    if not call.hidden_size:
        reasons.append("there are no hidden units")
    dtypes = {t.dtype for t in tensors}
    if torch.float64 in dtypes and len(dtypes) > 1:
        reasons.append("float64 is mixed with other dtypes")
    if others := [str(dtype) for dtype in dtypes if dtype != torch.float64 and dtype not in SINGLE]:
        reasons.append(f"it computes in float32 and float64, not {', '.join(sorted(others))}")
    return reasons + derivatives_without_kernel(tensors)


def llvmlite_fault() -> str:
    """Say why llvmlite cannot be imported, with a warning the first time; an empty text if it can."""
    if not _fault:
        try:
            needed("llvmlite.binding", "The kernels need")
            _fault.append("")
        except (MissingDependencyError, BrokenDependencyError) as error:
            _fault.append(str(error))
            warnings.warn(f"Layers run in plain PyTorch, many times slower. {error}", RuntimeWarning, stacklevel=2)
    return _fault[0]


_fault: list[str] = []


def multiplies_bfloat16() -> bool:
    """Whether products of bfloat16 are computed as such, by an instruction of this processor."""
    if llvmlite_fault():
        return False
    from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set

    return instruction_set().multiplies_bfloat16


# While compiling, Dynamo calls these functions and does not trace them.
for function in (llvmlite_fault, multiplies_bfloat16):
    function.__dict__["_dynamo_marked_constant"] = True
