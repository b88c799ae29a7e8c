"""The CPU backend: a cell's Program and its adjoint, compiled with LLVM for the machine it runs on."""

from __future__ import annotations

import importlib.util

import torch

from tidegate.engine.call import Call, Result

name = "llvm"


def unsupported(call: Call) -> list[str]:
    """The reasons why this call cannot run here."""
    if torch.compiler.is_compiling():
        return ["torch.compile is tracing, and the kernels are not registered operators yet"]
    reasons = []
    if importlib.util.find_spec("llvmlite") is None:
        reasons.append("llvmlite is not installed (pip install 'tidegate[cpu]')")
    if call.x.device.type != "cpu":
        reasons.append(f"the input is on {call.x.device}, it runs on the CPU")
    if call.x.dtype not in (torch.float32, torch.float64):
        reasons.append(f"the input is {call.x.dtype}, it computes in float32 and float64")
    tensors = [call.x, *call.state, *call.masks.values(), *_weights(call)]
    if any(t.dtype != call.x.dtype or t.device != call.x.device for t in tensors):
        reasons.append("input, weights and states differ in dtype or device")
    w_hr = call.weights.w_hr
    if w_hr is not None and w_hr.shape[0] != w_hr.shape[1] and call.cell.direct_gates != call.cell.recurrent_gates:
        reasons.append("the output is projected, and a product is with a vector of another size")
    if torch._C._is_tracing():
        reasons.append("torch.jit is tracing")
    if torch.is_autocast_enabled("cpu"):
        reasons.append("autocast is on")
    if _inside_transform():
        reasons.append("a torch.func transform is active")
    forward = torch.autograd.forward_ad
    if forward._current_level >= 0 and any(forward.unpack_dual(t).tangent is not None for t in tensors):
        reasons.append("an input has a forward-mode tangent")
    return reasons


def run(call: Call) -> Result:
    """Run a checked call."""
    from tidegate.engine.backends.llvm.autograd import run_call

    return run_call(call)


def _inside_transform() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


def _weights(call: Call) -> list[torch.Tensor]:
    w = call.weights
    return [t for t in (w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr, *w.p.values()) if t is not None]
