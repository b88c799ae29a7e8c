"""The CPU backend: a cell's Program and its adjoint, compiled with LLVM for the machine it runs on."""

from __future__ import annotations

import importlib.util

import torch

from tidegate.engine.call import Call, Result
from tidegate.engine.program import program

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
    if call.cell.projected:
        reasons.append("the output is projected")
    if any(v.op == "unit_mean" for v in program(call.cell).values):
        reasons.append("the cell normalizes over units")
    reasons += _products_without_kernel(call)
    if any(m.requires_grad for m in call.masks.values()):
        reasons.append("a mask requires a gradient")
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


def _products_without_kernel(call: Call) -> list[str]:
    values, output = program(call.cell).values, call.cell.states[0]
    reasons = []
    for value in values:
        if value.op == "recur":
            operand = values[value.args[0]]
            if operand.op == "state" and operand.name != output:
                reasons.append(f"gate {value.name}'s product is with the state {operand.name}, not the output")
            elif operand.op in ("parameter", "mask", "constant"):
                reasons.append(f"gate {value.name}'s product is with a {operand.op}")
    return reasons


def _inside_transform() -> bool:
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


def _weights(call: Call) -> list[torch.Tensor]:
    w = call.weights
    return [t for t in (w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr, *w.p.values()) if t is not None]
