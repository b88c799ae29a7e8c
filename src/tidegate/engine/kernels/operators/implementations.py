"""Implementations of the operators: on tensors, on fake tensors, and with autograd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.kernels.differentiable import run_differentiable
from tidegate.engine.kernels.missing_derivatives import derivatives_without_kernel
from tidegate.engine.kernels.operators.onnx_export import refuse_without_translation
from tidegate.engine.kernels.operators.schema import call_of, last_arguments, operator_arguments
from tidegate.engine.kernels.passes import PASSES, Forward, Passes, values_to_store
from tidegate.engine.precision import HALF
from tidegate.errors import ArgumentError, BackendError

CALL_ARGUMENTS = 15  # those of a call; other arguments of an operator come after them, those of `LAST` last
DEFAULTS = ("llvm", False)  # of the last arguments
ALIGNED = 64  # bytes; compiled code assumes that an operator's results are aligned to whole vectors


def run_now(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run``: return the output, the final states, the recorded values."""
    call, names, passes, _ = _checked(given)
    return [_aligned(value) for value in passes.forward(call, names, train=False).results]


def run_forward_now(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run_forward``: return the values to store, without padding, then the final states."""
    call, names, passes, _ = _checked(given)
    results, sequences, _ = passes.forward(call, names, train=True, zero_past_lengths=True)
    final = results[1 : 1 + len(call.cell.states)]
    bare = [s[..., : _size(call, name)].contiguous() for name, s in sequences.items()]
    return [_aligned(value) for value in (*bare, *final)]


def run_backward_now(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run_backward``: return the gradients wanted, given those of the results of ``tidegate::run``."""
    call, names, passes, (sequences, gradients, wanted) = _checked(given, more=3)
    stored = values_to_store(call, names, train=True)
    by_name = {name: passes.padded(value) for (name, _), value in zip(stored, sequences, strict=True)}
    found, tensors = passes.backward(call, names, by_name, gradients, wanted), tensors_by_name(call)
    return [_aligned(found[name].contiguous()) if name in found else torch.zeros_like(tensors[name]) for name in wanted]


def run_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_now`."""
    refuse_without_translation()
    call, names, _, _ = _read(given)
    steps, batch, _ = call.x.shape
    final = [call.x.new_empty(state.shape, dtype=_dtype_of_states(call)) for state in call.state]
    recorded = (call.x.new_empty(steps, batch, call.hidden_size) for _ in names)
    return [call.x.new_empty(steps, *call.state[0].shape), *final, *recorded]


def run_forward_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_forward_now`."""
    call, names, passes, _ = _read(given)
    steps, batch, _ = call.x.shape
    longer, states = passes.with_initial_state(call.cell), _dtype_of_states(call)
    sequences = [
        call.x.new_empty(
            steps + (name in longer),
            batch,
            _size(call, name),
            dtype=call.x.dtype if passes.is_rounded(call.cell, name) else states,
        )
        for name, _ in values_to_store(call, names, train=True)
    ]
    return sequences + [call.x.new_empty(state.shape, dtype=states) for state in call.state]


def run_backward_fake(*given: Any) -> list[Tensor]:
    """Return empty tensors like the results of `run_backward_now`."""
    call, _, _, (_, _, wanted) = _read(given, more=3)
    tensors = tensors_by_name(call)
    return [tensors[name].new_empty(tensors[name].shape) for name in wanted]


def run_with_autograd(*given: Any) -> list[Tensor]:
    """Run ``tidegate::run`` with derivatives.

    Raises:
        BackendError: the operator itself is under a ``torch.func`` transform or forward-mode differentiation, or would
            become part of an ONNX file without a translation.
    """
    refuse_without_translation()
    call, names, passes, _ = _read(given)
    tensors = tensors_by_name(call)
    if reasons := derivatives_without_kernel(list(tensors.values())):
        raise BackendError(
            f"The operator tidegate::run has no kernel for this ({'; '.join(reasons)}); "
            "transform the layer, not a program traced from it."
        )
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors.values()):
        return list(run_differentiable(call, names, _OperatorPasses(passes)))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.tidegate.run.default(*given)


class _OperatorPasses(Passes):
    """The passes of a backend as operators, for programs that are traced."""

    def __init__(self, passes: Passes):
        self.name, self._passes = passes.name, passes

    def forward(self, call: Call, names: tuple[str, ...], *, train: bool, zero_past_lengths: bool = False) -> Forward:
        assert train
        del zero_past_lengths
        first, steps = 0 if call.reverse else 1, call.x.shape[0]
        made = torch.ops.tidegate.run_forward.default(
            *operator_arguments(call, names), *last_arguments(call, self.name)
        )
        stored = [name for name, _ in values_to_store(call, names, train=True)]
        sequences = dict(zip(stored, made, strict=False))
        longer = self._passes.with_initial_state(call.cell)
        whole = []
        for k, name in enumerate((call.cell.states[0], *names)):
            value = sequences[name][first : first + steps] if name in longer else sequences[name]
            # A copy: autograd does not allow in-place changes of a view that is one of several results.
            whole.append((value.clone() if name in longer or k == 0 else value).to(call.x.dtype))
        return Forward((whole[0], *made[len(sequences) :], *whole[1:]), sequences, ())

    def backward(
        self,
        call: Call,
        names: tuple[str, ...],
        sequences: Mapping[str, Tensor],
        gradients: Sequence[Tensor | None],
        wanted: list[str],
    ) -> dict[str, Tensor]:
        own = list(sequences.values()), list(gradients), wanted
        given = (*operator_arguments(call, names), *own, *last_arguments(call, self.name))
        return dict(zip(wanted, torch.ops.tidegate.run_backward.default(*given), strict=True))


def _size(call: Call, name: str) -> int:
    """Return the numbers in a row of a stored value."""
    return call.state[0].shape[1] if name == call.cell.states[0] else call.hidden_size


def _read(given: Sequence[Any], more: int = 0) -> tuple[Call, tuple[str, ...], Passes, Sequence[Any]]:
    """Return an operator's call, the names to record, its backend's passes, and ``more`` other arguments."""
    call, names = call_of(*given[:CALL_ARGUMENTS])
    others = given[CALL_ARGUMENTS : CALL_ARGUMENTS + more]
    # Trailing arguments with their default values are left out by PyTorch.
    last = given[CALL_ARGUMENTS + more :]
    backend, batch_invariant = (*last, *DEFAULTS[len(last) :])
    if backend not in PASSES:
        raise BackendError(f"This program was made for the backend {backend!r}, which this version does not have.")
    return replace(call, batch_invariant=batch_invariant), names, PASSES[backend](), others


def _checked(given: Sequence[Any], more: int = 0) -> tuple[Call, tuple[str, ...], Passes, Sequence[Any]]:
    """Do as `_read`, and check the lengths, which is not possible while tracing; wrong ones corrupt memory."""
    call, names, passes, others = _read(given, more)
    steps = call.x.shape[0]
    if call.lengths is not None and bool(((call.lengths < 0) | (call.lengths > steps)).any()):
        raise ArgumentError(f"lengths must lie in 0..{steps}, the number of steps; given {call.lengths.tolist()}.")
    return call, names, passes, others


def _dtype_of_states(call: Call) -> torch.dtype:
    """Return the dtype of final states, and of states that are stored and are not the output."""
    return torch.float32 if call.x.dtype in HALF else call.x.dtype


def _aligned(value: Tensor) -> Tensor:
    return value if value.data_ptr() % ALIGNED == 0 else value.clone()
