"""Implementations of the operators: on the CPU, on fake tensors, and with autograd."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.front import autograd
from tidegate.engine.backends.llvm.front.autograd import Forward, run_differentiable, values_to_store
from tidegate.engine.backends.llvm.front.schema import call_of, operator_arguments
from tidegate.engine.backends.llvm.jit.compile import vector_bytes
from tidegate.engine.backends.llvm.launch.argument_layout import with_initial_state
from tidegate.engine.backends.llvm.launch.launcher import pad_last_dimension
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.kernels.missing_derivatives import derivatives_without_kernel
from tidegate.errors import ArgumentError, BackendError

ALIGNED = 64  # bytes; compiled code assumes that an operator's results are aligned to whole vectors


def run_on_cpu(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run``: return the output, the final states, the recorded values."""
    call, names = _checked(*given)
    return [_aligned(value) for value in autograd.forward_pass(call, names, train=False).results]


def run_forward_on_cpu(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run_forward``: return the values to store, without padding, then the final states."""
    call, names = _checked(*given)
    results, sequences, _ = autograd.forward_pass(call, names, train=True, zero_past_lengths=True)
    final = results[1 : 1 + len(call.cell.states)]
    bare = [s[..., : _size(call, name)].contiguous() for name, s in sequences.items()]
    return [_aligned(value) for value in (*bare, *final)]


def run_backward_on_cpu(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run_backward``: return the gradients wanted, given those of the results of ``tidegate::run``."""
    call, names = _checked(*given[:-3])
    sequences, gradients, wanted = given[-3:]
    by_name = {
        name: pad_last_dimension(value, vector_bytes() // value.element_size())
        for (name, _), value in zip(values_to_store(call, names, train=True), sequences, strict=True)
    }
    found, tensors = autograd.backward_pass(call, names, by_name, gradients, wanted), tensors_by_name(call)
    return [_aligned(found[name].contiguous()) if name in found else torch.zeros_like(tensors[name]) for name in wanted]


def run_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_on_cpu`."""
    _refuse_onnx()
    call, names = call_of(*given)
    steps, batch, _ = call.x.shape
    final = [call.x.new_empty(state.shape) for state in call.state]
    recorded = (call.x.new_empty(steps, batch, call.hidden_size) for _ in names)
    return [call.x.new_empty(steps, *call.state[0].shape), *final, *recorded]


def run_forward_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_forward_on_cpu`."""
    call, names = call_of(*given)
    steps, batch, _ = call.x.shape
    longer = with_initial_state(call.cell)
    stored = [name for name, _ in values_to_store(call, names, train=True)]
    sequences = [call.x.new_empty(steps + (name in longer), batch, _size(call, name)) for name in stored]
    return sequences + [call.x.new_empty(state.shape) for state in call.state]


def run_backward_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_backward_on_cpu`."""
    tensors = tensors_by_name(call_of(*given[:-3])[0])
    return [tensors[name].new_empty(tensors[name].shape) for name in given[-1]]


def run_with_autograd(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run`` with derivatives.

    Raises:
        BackendError: the operator itself is under a ``torch.func`` transform or forward-mode differentiation, or would
            become part of an ONNX file.
    """
    _refuse_onnx()
    call, names = call_of(*given)
    tensors = tensors_by_name(call)
    if reasons := derivatives_without_kernel(list(tensors.values())):
        raise BackendError(
            f"The operator tidegate::run has no kernel for this ({'; '.join(reasons)}); "
            "transform the layer, not a program traced from it."
        )
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors.values()):
        return list(run_differentiable(call, names, (_forward_operator, _backward_operator)))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.tidegate.run.default(*given)


def _refuse_onnx() -> None:
    """Refuse the operator while ``torch.onnx.export`` captures a model; all of its ways to do so come through here."""
    if "torch.onnx" in sys.modules and torch.onnx.is_in_onnx_export():
        raise BackendError(
            "torch.onnx.export cannot export Tidegate's kernels. Export tidegate.nn.to_torch(model), a copy with "
            "torch.nn's layers and the same state_dict; layers of other cells export for the length of the example "
            'with backend="reference".'
        )


def _forward_operator(call: Call, names: tuple[str, ...], *, train: bool) -> Forward:
    assert train
    output, steps, first = call.cell.states[0], call.x.shape[0], 0 if call.reverse else 1
    made = torch.ops.tidegate.run_forward.default(*operator_arguments(call, names))
    stored = [name for name, _ in values_to_store(call, names, train=True)]
    sequences = dict(zip(stored, made, strict=False))
    # Copies: autograd does not allow in-place changes of a view that is one of several results.
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
    given = (*operator_arguments(call, names), list(sequences.values()), list(gradients), wanted)
    return dict(zip(wanted, torch.ops.tidegate.run_backward.default(*given), strict=True))


def _size(call: Call, name: str) -> int:
    """Return the numbers in a row of a stored value."""
    return call.state[0].shape[1] if name == call.cell.states[0] else call.hidden_size


def _checked(*given: Any) -> tuple[Call, tuple[str, ...]]:
    """Return the call after checking its lengths, which is not possible while tracing; wrong ones corrupt memory."""
    call, names = call_of(*given)
    steps = call.x.shape[0]
    if call.lengths is not None and bool(((call.lengths < 0) | (call.lengths > steps)).any()):
        raise ArgumentError(f"lengths must lie in 0..{steps}, the number of steps; given {call.lengths.tolist()}.")
    return call, names


def _aligned(value: Tensor) -> Tensor:
    return value if value.data_ptr() % ALIGNED == 0 else value.clone()
