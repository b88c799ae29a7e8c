"""The kernels as one differentiable operation: forward, backward, and the reference for a backward of the backward."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.jit.threads import lost_its_threads, on_living_threads
from tidegate.engine.backends.llvm.launch.forward_backward import backward, forward
from tidegate.engine.backends.llvm.launch.layouts import Stored
from tidegate.engine.call import Call
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program.adjoint import Adjoint, adjoint
from tidegate.engine.program.program import program
from tidegate.engine.record import Record
from tidegate.engine.weights import Weights
from tidegate.errors import BackendError

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")


class Forward(NamedTuple):
    """What a forward pass gives.

    Attributes:
        results: the output, the final states, and the sequences asked for.
        sequences: what was stored at every step, by name.
        shared: those results that are sequences' memory without being views of them.
    """

    results: tuple[Tensor, ...]
    sequences: dict[str, Tensor]
    shared: tuple[Tensor, ...]


def differentiable(call: Call, names: tuple[str, ...], passes: tuple[Any, Any] | None = None) -> tuple[Tensor, ...]:
    """The output, the final states, and the sequences of those names.

    Args:
        call: a call whose tensors have one dtype.
        names: gates and states to give out besides the output.
        passes: what to do the passes with, instead of `run_forward` and `run_backward`.
    """
    if torch.is_grad_enabled():
        tensors = flatten(call)
        if any(t.requires_grad for t in tensors.values()):
            given = (call, names, passes or (run_forward, run_backward), tuple(tensors), *tensors.values())
            return _Run.apply(*given)  # pyright: ignore[reportReturnType]
    return run_forward(call, names, train=False).results


def run_forward(call: Call, names: tuple[str, ...], *, train: bool, clean: bool = False) -> Forward:
    """A forward pass.

    Args:
        call: a call whose tensors have one dtype and no history.
        names: gates and states to give out besides the output.
        train: keep what backward reads.
        clean: whatever was stored is zero past the lengths, not only what is given out.
    """
    if lost_its_threads():
        return on_living_threads(run_forward, call, names, train=train, clean=clean)
    if torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return run_forward(call, names, train=train, clean=clean)
    output, steps, units = call.cell.states[0], call.x.shape[0], call.weights.hidden_size(call.cell)
    kept = stored(call, names, train=train)
    past = frozenset(name for name, _ in kept) if clean else frozenset(names)
    sequences, final = forward(call, kept, past, initial=train)
    first = 0 if call.reverse else 1
    outputs = call.state[0].shape[1]
    over_time, shared = [], []
    for name in (output, *names):
        whole = sequences[name]
        whole = whole[first : first + steps] if len(whole) > steps else whole
        size = outputs if name == output else units
        over_time.append(_without_padding(whole, size))
        if train and size == whole.shape[2]:
            shared.append(over_time[-1])
    own = [_without_padding(value, state.shape[1]) for value, state in zip(final, call.state, strict=True)]
    return Forward((over_time[0], *own, *over_time[1:]), sequences, tuple(shared))


def run_backward(
    call: Call,
    names: tuple[str, ...],
    sequences: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    wanted: list[str],
) -> dict[str, Tensor]:
    """A backward pass: gradients by the names of `flatten`, given those of what `run_forward` gave."""
    if lost_its_threads():
        return on_living_threads(run_backward, call, names, sequences, gradients, wanted)
    if torch.is_autocast_enabled("cpu"):
        with torch.autocast("cpu", enabled=False):
            return run_backward(call, names, sequences, gradients, wanted)
    some, least = _with_gradients(call, names, gradients)
    # What that backward reads was kept unless it costs less to compute with what only the other one reads.
    if sequences.keys() >= {name for name, _ in stored(call, some, train=True)}:
        names, gradients = some, least
    return backward(call, names, adjoint_of(call, names), sequences, tuple(gradients), set(wanted))


def _with_gradients(
    call: Call, names: tuple[str, ...], gradients: Sequence[Tensor | None]
) -> tuple[tuple[str, ...], Sequence[Tensor | None]]:
    """The names that a gradient arrives for: who only looks at gates trains with the kernel of who does not."""
    count = 1 + len(call.cell.states)
    pairs = [(name, g) for name, g in zip(names, gradients[count:], strict=True) if g is not None]
    return tuple(name for name, _ in pairs), (*gradients[:count], *(g for _, g in pairs))


def flatten(call: Call) -> dict[str, Tensor]:
    """The call's tensors by name, those that may have a gradient first."""
    found = {"x": call.x} | {n: t for n in WEIGHTS if (t := getattr(call.weights, n)) is not None}
    found |= {f"p.{name}": vector for name, vector in call.weights.p.items()}
    found |= {f"state {name}": value for name, value in zip(call.cell.states, call.state, strict=True)}
    return found | {f"mask {name}": mask for name, mask in call.masks.items()}


def with_tensors(tensors: Mapping[str, Tensor], cell: Cell, **others: Any) -> Call:
    """A call with the tensors that `flatten` named.

    Args:
        tensors: by name.
        cell: the equations.
        others: of a call's attributes, those that are not such tensors.
    """
    w_ih, w_hh, b_ih, b_hh, w_hr = map(tensors.get, WEIGHTS)
    weights = Weights(w_ih, w_hh, b_ih, b_hh, {name: tensors[f"p.{name}"] for name in cell.parameters}, w_hr)
    state = tuple([tensors[f"state {name}"] for name in cell.states])
    return Call(cell, tensors["x"], weights, state, masks={n: tensors[f"mask {n}"] for n in cell.masks}, **others)


def stored(call: Call, names: tuple[str, ...], *, train: bool) -> Stored:
    """What the forward run writes at every step: the output, operands of products, records, and what backward reads."""
    return _stored(call.cell, names, call.mask_gradients, train)


@functools.lru_cache(maxsize=256)
def _stored(cell: Cell, names: tuple[str, ...], masks: tuple[str, ...], train: bool) -> Stored:
    prog, output = program(cell), cell.states[0]
    kept = {name: prog.states[name] for name in (output, *state_operands(prog).values())}
    kept |= {name: prog.states.get(name, prog.gates.get(name, -1)) for name in names}
    if train:
        back = adjoint(prog, (output, *names), masks)
        kept |= back.saved
        kept |= {v.name: prog.states[v.name] for v in back.program.values if v.op == "before"}
    return tuple(kept.items())


class _Run(torch.autograd.Function):
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
        bare = with_tensors(dict(zip(keys, [t.detach() for t in tensors], strict=True)), call.cell, **others)
        results, sequences, shared = passes[0](bare, names, train=True)
        # Lengths and resets are not differentiated, so nothing would notice if the caller changed them.
        for name in ("lengths", "reset"):
            others[name] = None if others[name] is None else others[name].clone()
        ctx.cell, ctx.others = call.cell, others
        ctx.names, ctx.run_backward, ctx.stored, ctx.keys = names, passes[1], tuple(sequences), keys
        # What is shared is saved too, so that a change in place is noticed.
        ctx.save_for_backward(*tensors, *sequences.values(), *shared)
        return results

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, count = ctx.saved_tensors, len(ctx.keys)
        tensors = dict(zip(ctx.keys, saved[:count], strict=True))
        call = with_tensors(tensors, ctx.cell, **ctx.others)
        wanted = [name for name, need in zip(ctx.keys, ctx.needs_input_grad[4:], strict=True) if need]
        # A backward of this backward, or many backwards at once: the reference has them.
        if torch.is_grad_enabled() or any(_batched(g) for g in gradients if g is not None):
            found = _through_reference(call, ctx.names, tensors, wanted, gradients)
        else:
            sequences = dict(zip(ctx.stored, saved[count:], strict=False))
            found = ctx.run_backward(call, ctx.names, sequences, gradients, wanted)
        return None, None, None, None, *(found.get(name) for name in ctx.keys)


def adjoint_of(call: Call, names: tuple[str, ...]) -> Adjoint:
    """The backward of a call's Program, whose output and values of those names are given out."""
    return adjoint(program(call.cell), (call.cell.states[0], *names), call.mask_gradients)


def _batched(gradient: Tensor) -> bool:
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def _without_padding(value: Tensor, units: int) -> Tensor:
    """Without the padded units, as a tensor of its own: a view could not be changed in place."""
    if units != value.shape[-1]:
        return value[..., :units].contiguous()
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
        raise BackendError("a backward of the backward needs the reference: call tidegate.engine.run")
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
