"""Half precision is computed in float32: what a cell remembers must not be rounded at every step.

A gate that keeps 0.999 of its state is 1.0 in bfloat16, and a change of the state smaller than its last digit is lost
at every step. So bfloat16, float16 and autocast decide the dtype of outputs and recorded values, but gates and states
are float32, and the final states are returned in float32, to be handed on without loss. What a product multiplies may
be bfloat16 all the same, where that is faster: its rounding is not handed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.call import Backend, Call, Result

HALF = (torch.bfloat16, torch.float16)


def computed_in(tensors: Iterable[Tensor]) -> torch.dtype | None:
    """Return float32 if some tensors are in half precision and the others in float32, else None: as they are."""
    dtypes = {t.dtype for t in tensors}
    return torch.float32 if dtypes & {*HALF} and dtypes <= {torch.float32, *HALF} else None


def in_float32(call: Call) -> Call:
    """Return a call in half precision, or in half precision and float32, in float32; any other call unchanged."""
    dtype = computed_in(call.tensors())
    if dtype is None:
        return call
    return replace(
        call,
        x=call.x.to(dtype),
        weights=call.weights.map(lambda t: t.to(dtype)),
        state=tuple(s.to(dtype) for s in call.state),
        masks={name: mask.to(dtype) for name, mask in call.masks.items()},
    )


def as_computed(call: Call, backend: Backend, *, asked: bool) -> Call:
    """Return a call in the dtypes in which a backend computes it: half precision in float32 unless it says otherwise.

    Args:
        call: the call.
        backend: the backend that is going to run it.
        asked: whether the backend was asked for.
    """
    if backend.multiplies_bfloat16() and output_dtype(call) == torch.bfloat16:
        return _with_bfloat16_products(call)
    itself = backend.half_precision == "always" or (asked and backend.half_precision == "asked")
    dtype = output_dtype(call) if itself else None
    if dtype not in HALF:
        return in_float32(call)
    return replace(
        call,
        x=call.x.to(dtype),
        weights=call.weights.map(lambda t: t.to(dtype)),
        masks={name: mask.to(dtype) for name, mask in call.masks.items()},
    )


def _with_bfloat16_products(call: Call) -> Call:
    """Return a call with its input in bfloat16, states and masks in float32, and weights as they are."""
    return replace(
        call,
        x=call.x.to(torch.bfloat16),
        state=tuple(s.float() for s in call.state),
        masks={name: mask.float() for name, mask in call.masks.items()},
    )


def output_dtype(call: Call) -> torch.dtype:
    """Return the dtype of a call's output: the input's, or autocast's where that is active and the input not float64.

    So it is for ``torch.nn.LSTM`` and ``RNN`` (``GRU``'s output is float32 under autocast).
    """
    device = call.x.device.type
    if torch.is_autocast_enabled(device) and call.x.dtype != torch.float64:
        return torch.get_autocast_dtype(device)
    return call.x.dtype


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context without autocast; inputs and weights are not rounded, only results."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def rounded(result: Result, dtype: torch.dtype) -> Result:
    """Return a result with its output and recorded values in another dtype; the states keep theirs."""
    record = {name: value.to(dtype) for name, value in result.record.items()}
    return replace(result, output=result.output.to(dtype), record=record)
