"""The kernels as one differentiable operation: forward, backward, and the reference for a backward of the backward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.adjoint import Adjoint, adjoint
from tidegate.engine.backends.llvm.passes import backward, forward
from tidegate.engine.backends.llvm.plan import state_operands
from tidegate.engine.call import Call, Result
from tidegate.engine.program import Program, program
from tidegate.engine.record import Record
from tidegate.engine.weights import Weights
from tidegate.errors import BackendError

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")


def run_call(call: Call) -> Result:
    """Run a checked call with the kernels."""
    output_name = call.cell.states[0]
    names = [] if call.record is None else [n for n in call.record.names if n != output_name]
    tensors = flatten(call)
    train = torch.is_grad_enabled() and any(t.requires_grad for t in tensors.values())
    given = (call, tuple(names), train, tuple(tensors), *tensors.values())
    results: tuple[Tensor, ...] = _Run.apply(*given)  # pyright: ignore[reportAssignmentType]
    output, rest = results[0], results[1:]
    state, kept = rest[: len(call.cell.states)], dict(zip(names, rest[len(call.cell.states) :], strict=True))
    record = {}
    if call.record is not None:
        kept[output_name] = output
        every = call.record.every
        record = {name: kept[name] if every == 1 else kept[name][::every].clone() for name in call.record.names}
    return Result(output, state, record, "llvm")


def flatten(call: Call) -> dict[str, Tensor]:
    """The call's tensors by name, those that may have a gradient first."""
    found = {"x": call.x} | {n: t for n in WEIGHTS if (t := getattr(call.weights, n)) is not None}
    found |= {f"p.{name}": vector for name, vector in call.weights.p.items()}
    found |= {f"state {name}": value for name, value in zip(call.cell.states, call.state, strict=True)}
    return found | {f"mask {name}": mask for name, mask in call.masks.items()}


def with_tensors(call: Call, tensors: Mapping[str, Tensor]) -> Call:
    """The call with the tensors that `flatten` named."""
    weights = Weights(
        **{name: tensors[name] for name in WEIGHTS if name in tensors},
        p={name.removeprefix("p."): t for name, t in tensors.items() if name.startswith("p.")},
    )
    state = tuple(tensors[f"state {name}"] for name in call.cell.states)
    masks = {name.removeprefix("mask "): t for name, t in tensors.items() if name.startswith("mask ")}
    return replace(call, x=tensors["x"], weights=weights, state=state, masks=masks)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, call: Call, names: tuple[str, ...], train: bool, keys: tuple[str, ...], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        masks = tuple(name for name, mask in call.masks.items() if mask.requires_grad)
        call = with_tensors(call, dict(zip(keys, (t.detach() for t in tensors), strict=True)))
        prog, output = program(call.cell), call.cell.states[0]
        back = adjoint(prog, (output, *names), masks) if train else None
        sequences, final = forward(call, _stored(prog, output, names, back), zero_past=set(names))
        units, first = call.weights.hidden_size(call.cell), 0 if call.reverse else 1
        steps = call.x.shape[0]
        over_time = {name: s[first : first + steps] if len(s) > steps else s for name, s in sequences.items()}
        whole = [over_time[output], *final, *(over_time[name] for name in names)]
        sizes = [call.state[0].shape[1], *(s.shape[1] for s in call.state), *(units for _ in names)]
        outputs = [_without_padding(value, size) for value, size in zip(whole, sizes, strict=True)]
        if back is not None:
            # Lengths and resets are not differentiated, so nothing would notice if the caller changed them.
            lengths, reset = (None if t is None else t.clone() for t in (call.lengths, call.reset))
            ctx.call = replace(call, x=call.x[:0], weights=Weights(), state=(), masks={}, lengths=lengths, reset=reset)
            ctx.names, ctx.back, ctx.stored, ctx.keys = names, back, tuple(sequences), keys
            # The outputs that are the sequences' own memory too, so that a change in place is noticed.
            own = [
                o for o, w in zip(outputs, whole, strict=True) if any(_same_memory(w, s, o) for s in sequences.values())
            ]
            ctx.save_for_backward(*tensors, *sequences.values(), *own)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, count = ctx.saved_tensors, len(ctx.keys)
        tensors = dict(zip(ctx.keys, saved[:count], strict=True))
        call = with_tensors(ctx.call, tensors)
        wanted = [name for name, need in zip(ctx.keys, ctx.needs_input_grad[4:], strict=True) if need]
        # A backward of this backward, or many backwards at once: the reference has them.
        if torch.is_grad_enabled() or any(_batched(g) for g in gradients if g is not None):
            found = _through_reference(call, ctx.names, tensors, wanted, gradients)
        else:
            sequences = dict(zip(ctx.stored, saved[count:], strict=False))
            found = backward(call, ctx.names, ctx.back, sequences, gradients, set(wanted))
        return None, None, None, None, *(found.get(name) for name in ctx.keys)


def _same_memory(*tensors: Tensor) -> bool:
    return len({t.untyped_storage().data_ptr() for t in tensors}) == 1


def _batched(gradient: Tensor) -> bool:
    functorch = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
    return functorch.is_batchedtensor(gradient) or functorch.is_legacy_batchedtensor(gradient)


def _without_padding(value: Tensor, units: int) -> Tensor:
    """Without the padded units, as a tensor of its own: a view could not be changed in place."""
    if units != value.shape[-1]:
        return value[..., :units].contiguous()
    shape = (*value.shape[:-1], units)
    return value.new_empty(0).set_(value.untyped_storage(), value.storage_offset(), shape, value.stride())


def _stored(prog: Program, output: str, names: tuple[str, ...], back: Adjoint | None) -> dict[str, int]:
    """What the forward run writes at every step: the output, operands of products, records, and what backward reads."""
    stored = {name: prog.states[name] for name in (output, *state_operands(prog).values())}
    stored |= {name: prog.states.get(name, prog.gates.get(name, -1)) for name in names}
    if back is not None:
        stored |= back.saved
        stored |= {v.name: prog.states[v.name] for v in back.program.values if v.op == "before"}
    return stored


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
