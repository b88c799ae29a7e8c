"""Run a call with the kernels: records, and whether an operator is needed."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from tidegate.engine.call import Call, Result
from tidegate.engine.kernels.differentiable import run_differentiable
from tidegate.engine.kernels.operators.registered import run_operator
from tidegate.engine.kernels.passes import Passes


def run_with_kernels(call: Call, passes: Passes) -> Result:
    """Run a checked call, all of whose tensors have one dtype, with a backend's kernels."""
    output_name = call.cell.states[0]
    names = () if call.record is None else tuple(n for n in call.record.names if n != output_name)
    kernel_call = _with_input_features(call)
    if wanted := mask_gradients(call):
        kernel_call = replace(kernel_call, mask_gradients=wanted)
    if _needs_operator(call.x):
        results = run_operator(kernel_call, names, passes.name)
    else:
        results = run_differentiable(kernel_call, names, passes)
    output, rest, count = results[0], results[1:], len(call.cell.states)
    state, values = tuple(rest[:count]), dict(zip(names, rest[count:], strict=True))
    record = {}
    if call.record is not None:
        values[output_name] = output
        every = call.record.every
        record = {name: values[name] if every == 1 else values[name][::every].clone() for name in call.record.names}
    return Result(output, state, record, passes.name)


def mask_gradients(call: Call) -> tuple[str, ...]:
    """Return the masks whose gradients are wanted."""
    return tuple(name for name, mask in call.masks.items() if mask.requires_grad)


def _needs_operator(x: Tensor) -> bool:
    """Whether operations are recorded or replaced (torch.compile, torch.export, fake tensors, counters).

    These must see an operator. Otherwise it is avoided, because it takes 20 µs a run and 60 µs in training.
    """
    if torch.compiler.is_compiling():
        return True
    return torch._C._len_torch_dispatch_stack() > 0 or type(x) not in (Tensor, torch.nn.Parameter)


def _with_input_features(call: Call) -> Call:
    """Replace an input without features by one feature that is zero, so that kernels need no special case."""
    if call.x.shape[2]:
        return call
    w_ih = None if call.weights.w_ih is None else pad(call.weights.w_ih, (0, 1))
    return replace(call, x=pad(call.x, (0, 1)), weights=replace(call.weights, w_ih=w_ih, packed=None))
