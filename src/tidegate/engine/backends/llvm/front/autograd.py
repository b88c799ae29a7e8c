"""The kernels as one differentiable operation; the reference backend computes derivatives of its backward."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.launch.argument_layout import Stored
from tidegate.engine.backends.llvm.launch.forward_backward import launch_backward, launch_forward
from tidegate.engine.backends.llvm.launch.threads import lost_its_threads, on_new_threads
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import call_with_tensors, tensors_by_name
from tidegate.engine.kernels.missing_derivatives import is_batched
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.profiling import profiled
from tidegate.engine.program.adjoint import Adjoint, adjoint
from tidegate.engine.program.program import program
from tidegate.engine.record import Record
from tidegate.errors import BackendError


class Forward(NamedTuple):
    """The result of a forward pass.

    Attributes:
        results: the output, the final states, and the recorded values.
        sequences: the values stored at every step, by name.
        shared: the results that share memory with a sequence without being views of it.
    """

    results: tuple[Tensor, ...]
    sequences: dict[str, Tensor]
    shared: tuple[Tensor, ...]


def run_differentiable(call: Call, names: tuple[str, ...], passes: tuple[Any, Any] | None = None) -> tuple[Tensor, ...]:
    """Run a call so that its results can be differentiated.

    Args:
        call: a call whose tensors have one dtype.
        names: gates and states to record besides the output.
        passes: functions to call instead of `forward_pass` and `backward_pass`.

    Returns:
        The output, the final states, and the recorded values.
    """
    if torch.is_grad_enabled():
        tensors = tensors_by_name(call)
        if any(t.requires_grad for t in tensors.values()):
            given = (call, names, passes or (forward_pass, backward_pass), tuple(tensors), *tensors.values())
            return _KernelFunction.apply(*given)  # pyright: ignore[reportReturnType]
    return forward_pass(call, names, train=False).results


def forward_pass(call: Call, names: tuple[str, ...], *, train: bool, zero_past_lengths: bool = False) -> Forward:
    """Run the forward kernel.

    Args:
        call: a call whose tensors have one dtype and no history.
        names: gates and states to record besides the output.
        train: store the values that backward reads.
        zero_past_lengths: all stored values are zero past the lengths, not only the results.
    """
    if lost_its_threads():
        return on_new_threads(forward_pass, call, names, train=train, zero_past_lengths=zero_past_lengths)
    if torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return forward_pass(call, names, train=train, zero_past_lengths=zero_past_lengths)
    output, steps, hidden = call.cell.states[0], call.x.shape[0], call.hidden_size
    stored = values_to_store(call, names, train=train)
    zero_past = frozenset(name for name, _ in stored) if zero_past_lengths else frozenset(names)
    with profiled(call.cell):
        sequences, final = launch_forward(call, stored, zero_past, initial=train)
    first = 0 if call.reverse else 1
    outputs = call.state[0].shape[1]
    over_time, shared = [], []
    for name in (output, *names):
        whole = sequences[name]
        whole = whole[first : first + steps] if len(whole) > steps else whole
        size = outputs if name == output else hidden
        over_time.append(_without_padding(whole, size))
        if train and size == whole.shape[2]:
            shared.append(over_time[-1])
    own = [_without_padding(value, state.shape[1]) for value, state in zip(final, call.state, strict=True)]
    return Forward((over_time[0], *own, *over_time[1:]), sequences, tuple(shared))


def backward_pass(
    call: Call,
    names: tuple[str, ...],
    sequences: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    wanted: list[str],
) -> dict[str, Tensor]:
    """Run the backward kernel: return gradients by the names of `tensors_by_name`.

    Args:
        call: the forward call.
        names: the values that it recorded besides the output.
        sequences: the values that it stored.
        gradients: those of the results of `forward_pass`; None for zeros.
        wanted: the gradients to be returned.
    """
    if lost_its_threads():
        return on_new_threads(backward_pass, call, names, sequences, gradients, wanted)
    if torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return backward_pass(call, names, sequences, gradients, wanted)
    used, of_used = _records_with_gradient(call, names, gradients)
    # The backward of fewer records may read a value that the other one computes again, and that was not stored.
    if sequences.keys() >= {name for name, _ in values_to_store(call, used, train=True)}:
        names, gradients = used, of_used
    with profiled(call.cell, backward=True):
        return launch_backward(call, names, adjoint_of(call, names), sequences, tuple(gradients), set(wanted))


def _records_with_gradient(
    call: Call, names: tuple[str, ...], gradients: Sequence[Tensor | None]
) -> tuple[tuple[str, ...], Sequence[Tensor | None]]:
    """Keep only the records that received a gradient, so that recording without using a gate costs no backward."""
    count = 1 + len(call.cell.states)
    pairs = [(name, g) for name, g in zip(names, gradients[count:], strict=True) if g is not None]
    return tuple(name for name, _ in pairs), (*gradients[:count], *(g for _, g in pairs))


def values_to_store(call: Call, names: tuple[str, ...], *, train: bool) -> Stored:
    """Return the values that the forward kernel writes at every step.

    They are the output, operands of products, records, and in training the values that backward reads.
    """
    return _values_to_store(call.cell, names, call.mask_gradients, train)


@functools.lru_cache(maxsize=256)
def _values_to_store(cell: Cell, names: tuple[str, ...], masks: tuple[str, ...], train: bool) -> Stored:
    prog, output = program(cell), cell.states[0]
    stored = {name: prog.states[name] for name in (output, *state_operands(prog).values())}
    stored |= {name: prog.states.get(name, prog.gates.get(name, -1)) for name in names}
    if train:
        back = adjoint(prog, (output, *names), masks)
        stored |= back.saved
        stored |= {v.name: prog.states[v.name] for v in back.program.values if v.op == "before"}
    return tuple(stored.items())


class _KernelFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: Call, names: tuple[str, ...], passes: tuple[Any, Any], keys: tuple[str, ...], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        others: dict[str, Any] = {
            "lengths": call.lengths,
            "reset": call.reset,
            "reverse": call.reverse,
            "mask_gradients": call.mask_gradients,
            "oracle": call.oracle,
        }
        detached = dict(zip(keys, [t.detach() for t in tensors], strict=True))
        results, sequences, shared = passes[0](call_with_tensors(detached, call.cell, **others), names, train=True)
        # Copies, because autograd would not notice if the caller changed lengths or resets in place.
        for name in ("lengths", "reset"):
            others[name] = None if others[name] is None else others[name].clone()
        ctx.cell, ctx.others = call.cell, others
        ctx.names, ctx.backward_pass, ctx.stored, ctx.keys = names, passes[1], tuple(sequences), keys
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
            found = ctx.backward_pass(call, ctx.names, sequences, gradients, wanted)
        return None, None, None, None, *(found.get(name) for name in ctx.keys)


def adjoint_of(call: Call, names: tuple[str, ...]) -> Adjoint:
    """Return the backward of a call's Program, given the records that have gradients besides the output."""
    return adjoint(program(call.cell), (call.cell.states[0], *names), call.mask_gradients)


def _without_padding(value: Tensor, size: int) -> Tensor:
    """Remove the padding; the result is not a view, because autograd does not allow in-place changes of these."""
    if size != value.shape[-1]:
        return value[..., :size].contiguous()
    if not value._is_view():
        return value
    return value.new_empty(0).set_(value.untyped_storage(), value.storage_offset(), value.shape, value.stride())


def _through_reference(
    call: Call,
    names: tuple[str, ...],
    tensors: Mapping[str, Tensor],
    wanted: list[str],
    gradients: tuple[Tensor | None, ...],
) -> dict[str, Tensor]:
    if call.oracle is None:
        raise BackendError("A backward of the backward needs the reference backend: use tidegate.engine.run.")
    create = torch.is_grad_enabled()
    with torch.enable_grad():
        result = call.oracle(replace(call, record=Record(names) if names else None))
    outputs = [result.output, *result.state, *(result.record[name] for name in names)]
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if g is not None and o.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs],
        [tensors[name] for name in wanted],
        [g for _, g in pairs],
        create_graph=create,
        allow_unused=True,
    )
    return {name: g for name, g in zip(wanted, found, strict=True) if g is not None}
