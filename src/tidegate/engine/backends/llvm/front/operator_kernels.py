"""What the operators do: on the CPU, on fake tensors, and where gradients are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.front import autograd
from tidegate.engine.backends.llvm.front.autograd import Forward, differentiable, flatten, stored
from tidegate.engine.backends.llvm.front.operators import arguments, as_call
from tidegate.engine.backends.llvm.front.reasons import derivatives_without_kernel
from tidegate.engine.backends.llvm.jit.compile import vector_bytes
from tidegate.engine.backends.llvm.launch.launcher import pad_units
from tidegate.engine.backends.llvm.launch.layouts import with_initial_state
from tidegate.engine.call import Call
from tidegate.errors import ArgumentError, BackendError

ALIGNED = 64  # bytes; compiled code takes it that an operator's results begin at whole vectors


def run(*given: Any) -> list[Tensor]:
    """The output, the final states, the recorded values."""
    call, names = _checked(*given)
    return [_aligned(value) for value in autograd.run_forward(call, names, train=False).results]


def run_forward(*given: Any) -> list[Tensor]:
    """The sequences that were stored, in the order of `stored`, without padding; then the final states."""
    call, names = _checked(*given)
    results, sequences, _ = autograd.run_forward(call, names, train=True, clean=True)
    final = results[1 : 1 + len(call.cell.states)]
    bare = [s[..., : _size(call, name)].contiguous() for name, s in sequences.items()]
    return [_aligned(value) for value in (*bare, *final)]


def run_backward(*given: Any) -> list[Tensor]:
    """The gradients wanted, given those of what ``run`` gives."""
    call, names = _checked(*given[:-3])
    sequences, gradients, wanted = given[-3:]
    by_name = {
        name: pad_units(value, vector_bytes() // value.element_size())
        for (name, _), value in zip(stored(call, names, train=True), sequences, strict=True)
    }
    found, tensors = autograd.run_backward(call, names, by_name, gradients, wanted), flatten(call)
    return [_aligned(found[name].contiguous()) if name in found else torch.zeros_like(tensors[name]) for name in wanted]


def run_fake(*given: Any) -> list[Tensor]:
    """The shapes of `run`."""
    call, names = as_call(*given)
    (steps, batch, _), units = call.x.shape, call.weights.hidden_size(call.cell)
    final = [call.x.new_empty(state.shape) for state in call.state]
    kept = (call.x.new_empty(steps, batch, units) for _ in names)
    return [call.x.new_empty(steps, *call.state[0].shape), *final, *kept]


def run_forward_fake(*given: Any) -> list[Tensor]:
    """The shapes of `run_forward`."""
    call, names = as_call(*given)
    steps, batch, _ = call.x.shape
    longer = with_initial_state(call.cell)
    kept = [name for name, _ in stored(call, names, train=True)]
    sequences = [call.x.new_empty(steps + (name in longer), batch, _size(call, name)) for name in kept]
    return sequences + [call.x.new_empty(state.shape) for state in call.state]


def run_backward_fake(*given: Any) -> list[Tensor]:
    """The shapes of `run_backward`."""
    tensors = flatten(as_call(*given[:-3])[0])
    return [tensors[name].new_empty(tensors[name].shape) for name in given[-1]]


def run_autograd(*given: Any) -> list[Tensor]:
    """``run``, such that what is done can be differentiated.

    Raises:
        BackendError: the operator itself is under ``torch.func`` or forward-mode differentiation.
    """
    call, names = as_call(*given)
    tensors = flatten(call)
    if reasons := derivatives_without_kernel(list(tensors.values())):
        raise BackendError(
            f"the operator tidegate::run has no kernel for this ({'; '.join(reasons)}): "
            "transform the layer, not a program traced from it"
        )
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors.values()):
        return list(differentiable(call, names, (_forward_operator, _backward_operator)))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.tidegate.run.default(*given)


def _forward_operator(call: Call, names: tuple[str, ...], *, train: bool) -> Forward:
    assert train
    output, steps, first = call.cell.states[0], call.x.shape[0], 0 if call.reverse else 1
    made = torch.ops.tidegate.run_forward.default(*arguments(call, names))
    kept = [name for name, _ in stored(call, names, train=True)]
    sequences = dict(zip(kept, made, strict=False))
    # Tensors of their own: autograd forbids to change a view that is one of several results.
    whole = [sequences[name] for name in (output, *names)]
    whole = [s[first : first + steps].clone() if k == 0 or len(s) > steps else s for k, s in enumerate(whole)]
    return Forward((whole[0], *made[len(sequences) :], *whole[1:]), sequences, ())


def _backward_operator(
    call: Call,
    names: tuple[str, ...],
    sequences: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    wanted: list[str],
) -> dict[str, Tensor]:
    given = (*arguments(call, names), list(sequences.values()), list(gradients), wanted)
    return dict(zip(wanted, torch.ops.tidegate.run_backward.default(*given), strict=True))


def _size(call: Call, name: str) -> int:
    """The numbers of each row of what is stored under a name."""
    return call.state[0].shape[1] if name == call.cell.states[0] else call.weights.hidden_size(call.cell)


def _checked(*given: Any) -> tuple[Call, tuple[str, ...]]:
    """The call, its lengths checked: while tracing they could not be, and the kernel writes where they say."""
    call, names = as_call(*given)
    steps = call.x.shape[0]
    if call.lengths is not None and bool(((call.lengths < 0) | (call.lengths > steps)).any()):
        raise ArgumentError(f"lengths must lie in 0..{steps}, the number of steps; given {call.lengths.tolist()}")
    return call, names


def _aligned(value: Tensor) -> Tensor:
    return value if value.data_ptr() % ALIGNED == 0 else value.clone()
