"""From a call to what the kernels take and back: dtypes, autocast, records, and which way it goes."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from tidegate.engine.backends.llvm.front.autograd import WEIGHTS, differentiable
from tidegate.engine.backends.llvm.front.operators import through_operator
from tidegate.engine.call import Call, Result
from tidegate.engine.weights import Weights


def run_call(call: Call) -> Result:
    """Run a checked call with the kernels.

    Half precision is computed in float32. Results have the input's dtype; under autocast they have autocast's, as
    those of ``torch.nn.LSTM`` and ``RNN`` (``GRU``'s are float32), unless the input is float64. Nothing is rounded on
    the way in, so autocast costs no precision but that of the results.
    """
    dtype = call.x.dtype
    if torch.is_autocast_enabled("cpu") and dtype != torch.float64:
        dtype = torch.get_autocast_dtype("cpu")
    output_name = call.cell.states[0]
    names = () if call.record is None else tuple(n for n in call.record.names if n != output_name)
    prepared = _with_a_feature(_in_one_dtype(call))
    if wanted := mask_gradients(call):
        prepared = replace(prepared, mask_gradients=wanted)
    results = (through_operator if _is_watched(call.x) else differentiable)(prepared, names)
    if prepared.x.dtype != dtype:
        results = [value.to(dtype) for value in results]
    output, rest = results[0], results[1:]
    state, kept = tuple(rest[: len(call.cell.states)]), dict(zip(names, rest[len(call.cell.states) :], strict=True))
    record = {}
    if call.record is not None:
        kept[output_name] = output
        every = call.record.every
        record = {name: kept[name] if every == 1 else kept[name][::every].clone() for name in call.record.names}
    return Result(output, state, record, "llvm")


def mask_gradients(call: Call) -> tuple[str, ...]:
    """The masks whose gradient is wanted."""
    return tuple(name for name, mask in call.masks.items() if mask.requires_grad)


def _is_watched(x: Tensor) -> bool:
    """Whether somebody records or replaces operations (torch.compile, torch.export, fake tensors, counters).

    They must be shown an operator; anybody else is spared what that takes, 20 µs a run and 60 µs in training.
    """
    if torch.compiler.is_compiling():
        return True
    return torch._C._len_torch_dispatch_stack() > 0 or type(x) not in (Tensor, torch.nn.Parameter)


def _with_a_feature(call: Call) -> Call:
    """An input without features is one feature that is zero: kernels have no case for it."""
    if call.x.shape[2]:
        return call
    w_ih = None if call.weights.w_ih is None else pad(call.weights.w_ih, (0, 1))
    return replace(call, x=pad(call.x, (0, 1)), weights=replace(call.weights, w_ih=w_ih))


def _in_one_dtype(call: Call) -> Call:
    w, dtype = call.weights, call.x.dtype if call.x.dtype == torch.float64 else torch.float32
    if {t.dtype for t in call.tensors()} == {dtype}:
        return call
    matrices = (w.w_ih, w.w_hh, w.b_ih, w.b_hh, w.w_hr)
    return replace(
        call,
        x=call.x.to(dtype),
        weights=Weights(
            **{name: None if t is None else t.to(dtype) for name, t in zip(WEIGHTS, matrices, strict=True)},
            p={name: vector.to(dtype) for name, vector in w.p.items()},
        ),
        state=tuple(s.to(dtype) for s in call.state),
        masks={name: mask.to(dtype) for name, mask in call.masks.items()},
    )
