"""The kernels as one differentiable operation; the reference backend computes derivatives of its backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import call_with_tensors, tensors_by_name
from tidegate.engine.kernels.missing_derivatives import is_batched
from tidegate.engine.kernels.passes import Passes
from tidegate.engine.precision import in_float32, rounded
from tidegate.engine.record import Record
from tidegate.errors import BackendError


def run_differentiable(call: Call, names: tuple[str, ...], passes: Passes) -> tuple[Tensor, ...]:
    """Run a call so that its results can be differentiated.

    Args:
        call: a call whose tensors have one dtype.
        names: gates and states to record besides the output.
        passes: the backend's.

    Returns:
        The output, the final states, and the recorded values.
    """
    if torch.is_grad_enabled():
        tensors = tensors_by_name(call)
        if any(t.requires_grad for t in tensors.values()):
            given = (call, names, passes, tuple(tensors), *tensors.values())
            return _KernelFunction.apply(*given)  # pyright: ignore[reportReturnType]
    return passes.forward(call, names, train=False).results


class _KernelFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: Call, names: tuple[str, ...], passes: Passes, keys: tuple[str, ...], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        others: dict[str, Any] = {
            "lengths": call.lengths,
            "reset": call.reset,
            "reverse": call.reverse,
            "mask_gradients": call.mask_gradients,
            "batch_invariant": call.batch_invariant,
            "oracle": call.oracle,
        }
        detached = dict(zip(keys, [t.detach() for t in tensors], strict=True))
        results, sequences, shared = passes.forward(call_with_tensors(detached, call.cell, **others), names, train=True)
        # Copies, because autograd would not notice if the caller changed lengths or resets in place.
        for name in ("lengths", "reset"):
            others[name] = None if others[name] is None else others[name].clone()
        ctx.cell, ctx.others = call.cell, others
        ctx.names, ctx.passes, ctx.stored, ctx.keys = names, passes, tuple(sequences), keys
        # Shared results are saved too, so that in-place changes of them are noticed.
        ctx.save_for_backward(*tensors, *sequences.values(), *shared)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, count = ctx.saved_tensors, len(ctx.keys)
        tensors = dict(zip(ctx.keys, saved[:count], strict=True))
        call = call_with_tensors(tensors, ctx.cell, **ctx.others)
        wanted = [name for name, need in zip(ctx.keys, ctx.needs_input_grad[4:], strict=True) if need]
        # The reference computes the backward of this backward, and many backwards at once (vmap).
        if torch.is_grad_enabled() or any(is_batched(g) for g in gradients if g is not None):
            found = _through_reference(call, ctx.names, tensors, wanted, gradients)
        else:
            sequences = dict(zip(ctx.stored, saved[count:], strict=False))
            found = ctx.passes.backward(call, ctx.names, sequences, gradients, wanted)
        return None, None, None, None, *(found.get(name) for name in ctx.keys)


def _through_reference(
    call: Call,
    names: tuple[str, ...],
    tensors: Mapping[str, Tensor],
    wanted: list[str],
    gradients: tuple[Tensor | None, ...],
) -> dict[str, Tensor]:
    if call.batch_invariant:
        raise BackendError(
            "Inside batch_invariant() there are first derivatives only, one at a time: others are computed by the "
            "reference, whose results depend on the size of the batch."
        )
    if call.oracle is None:
        raise BackendError("A backward of the backward needs the reference backend: use tidegate.engine.run.")
    create = torch.is_grad_enabled()
    with torch.enable_grad():
        result = call.oracle(in_float32(replace(call, record=Record(names) if names else None)))
        result = rounded(result, call.x.dtype)
    outputs = [result.output, *result.state, *(result.record[name] for name in names)]
    found = recorded_gradients(outputs, gradients, [tensors[name] for name in wanted], create_graph=create)
    return {name: g for name, g in zip(wanted, found, strict=True) if g is not None}


def recorded_gradients(
    outputs: Sequence[Tensor], gradients: Sequence[Tensor | None], wanted: Sequence[Tensor], *, create_graph: bool
) -> Sequence[Tensor | None]:
    """Return the gradients of tensors by a run that autograd recorded, given those of its outputs; None for zeros."""
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad]
    return torch.autograd.grad(
        [o for o, _ in pairs], wanted, [g for _, g in pairs], create_graph=create_graph, allow_unused=True
    )


def not_a_view(value: Tensor) -> Tensor:
    """Return the same memory as a tensor of its own; autograd does not allow in-place changes of a function's views."""
    return value.new_empty(0).set_(value.untyped_storage(), value.storage_offset(), value.shape, value.stride())
