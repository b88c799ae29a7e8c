"""What PyTorch's own layers leave to the reference: a backward of the backward (cuDNN has none), and many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.call import Call, Result
from tidegate.engine.kernels.call_tensors import X, call_with_tensors, tensors_by_name
from tidegate.engine.kernels.differentiable import not_a_view, recorded_gradients
from tidegate.engine.kernels.missing_derivatives import is_batched
from tidegate.engine.precision import in_float32
from tidegate.errors import BackendError


def by_reference(calls: Sequence[Call], name: str) -> Result:
    """Run the layers and directions of a module on the reference, one after another.

    Raises:
        BackendError: a call does not come with a reference.
    """
    x, outputs, states = calls[0].x, [], []
    for k, call in enumerate(calls):
        if call.oracle is None:
            raise BackendError("A backward of the backward needs the reference backend: use tidegate.engine.run.")
        if k and not call.reverse:  # the next layer
            x, outputs = torch.cat(outputs, -1), []
        result = call.oracle(in_float32(replace(call, x=x)))
        outputs.append(result.output.to(x.dtype))
        states.append(result.state)
    state = states[0] if len(calls) == 1 else tuple(torch.stack(each) for each in zip(*states, strict=True))
    return Result(torch.cat(outputs, -1), state, {}, name)


def with_double_backward(calls: Sequence[Call], result: Result) -> Result:
    """Return a result whose backward may be differentiated, or run under ``vmap``."""
    given = _tensors(calls)
    if not torch.is_grad_enabled() or not any(t.requires_grad for t in given.values()):
        return result
    # Lengths are copied, because autograd would not notice if the caller changed them in place.
    lengths = None if calls[0].lengths is None else calls[0].lengths.clone()
    kinds = [(call.cell, {"lengths": lengths, "reverse": call.reverse, "oracle": call.oracle}) for call in calls]
    made = _ThroughReference.apply(kinds, tuple(given), *given.values(), result.output, *result.state)
    return replace(result, output=made[0], state=tuple(made[1:]))  # pyright: ignore[reportIndexIssue]


Key = tuple[int, str]  # the call, and the tensor's name in it


def _tensors(calls: Sequence[Call]) -> dict[Key, Tensor]:
    """Return the tensors of all calls; of inputs only the first one's, which is the only one with values."""
    named = {(k, name): t for k, call in enumerate(calls) for name, t in tensors_by_name(call).items()}
    return {key: t for key, t in named.items() if key[1] != X or key[0] == 0}


def _calls(kinds: Sequence[tuple[Any, dict[str, Any]]], tensors: Mapping[Key, Tensor]) -> list[Call]:
    own = [{name: t for (k, name), t in tensors.items() if k == n} for n in range(len(kinds))]
    x = tensors[0, X]
    return [call_with_tensors({X: x, **own[n]}, cell, **others) for n, (cell, others) in enumerate(kinds)]


class _ThroughReference(torch.autograd.Function):
    """Results as they are; a backward that is recorded goes to the inputs, through the reference, and not back."""

    @staticmethod
    def forward(ctx: Any, kinds: Any, keys: tuple[Key, ...], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        # They are saved too, so that in-place changes of them are noticed, as PyTorch's own layers notice them.
        same = tuple(not_a_view(t) for t in tensors[len(keys) :])
        ctx.kinds, ctx.keys = kinds, keys
        ctx.save_for_backward(*tensors[: len(keys)], *same)
        return same

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, count = ctx.saved_tensors, len(ctx.keys)
        if not torch.is_grad_enabled() and not any(is_batched(g) for g in gradients if g is not None):
            return None, None, *(None for _ in ctx.keys), *gradients
        create = torch.is_grad_enabled()
        with torch.enable_grad():
            result = by_reference(_calls(ctx.kinds, dict(zip(ctx.keys, saved[:count], strict=True))), "vendor")
        wanted = [t for t, need in zip(saved[:count], ctx.needs_input_grad[2:], strict=False) if need]
        outputs = (result.output, *result.state)
        found = iter(recorded_gradients(outputs, gradients, wanted, create_graph=create))
        own = [next(found) if need else None for need in ctx.needs_input_grad[2 : 2 + count]]
        return None, None, *own, *(None for _ in gradients)
