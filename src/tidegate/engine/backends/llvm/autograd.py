"""The kernels as one differentiable operation: forward, backward, and the reference for a backward of the backward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.engine.adjoint import Adjoint, adjoint
from tidegate.engine.backends.llvm.gradients import weight_gradients
from tidegate.engine.backends.llvm.host import FUSED_FROM, Launch, biases, kernel_for, pack, pad_units, padded
from tidegate.engine.call import Call, Result
from tidegate.engine.program import Program, program
from tidegate.engine.record import Record
from tidegate.engine.weights import Weights
from tidegate.errors import BackendError

WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")


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
        call = with_tensors(call, dict(zip(keys, (t.detach() for t in tensors), strict=True)))
        prog, output = program(call.cell), call.cell.states[0]
        back = adjoint(prog, (output, *names)) if train else None
        sequences, final = forward(call, _stored(prog, output, names, back), zero_past=set(names))
        units, first = call.weights.hidden_size(call.cell), 0 if call.reverse else 1
        whole = [sequences[output][first : first + call.x.shape[0]], *final, *(sequences[name] for name in names)]
        outputs = [_without_padding(value, units) for value in whole]
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
    operands = {
        prog.values[v.args[0]].name for v in prog.values if v.op == "recur" and prog.values[v.args[0]].op == "state"
    }
    stored = {output: prog.states[output]} | {name: prog.states[name] for name in prog.states if name in operands}
    stored |= {name: prog.states.get(name, prog.gates.get(name, -1)) for name in names}
    if back is not None:
        stored |= back.saved
        stored |= {v.name: prog.states[v.name] for v in back.program.values if v.op == "before"}
    return stored


def forward(call: Call, stored: dict[str, int], zero_past: set[str]) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel.

    Returns:
        The stored sequences (the output's with one step more, the initial state), and the final states.
    """
    cell, x, weights = call.cell, call.x.contiguous(), call.weights
    prog, output = program(cell), cell.states[0]
    steps, batch, inputs = x.shape
    units = weights.hidden_size(cell)
    fused = batch >= FUSED_FROM
    kernel = kernel_for(prog, list(stored.items()), x.dtype, batch, fused_input=fused)
    launch = Launch(kernel, steps, batch, units, call.reverse)
    lanes, wide = kernel.lanes, padded(units, kernel.lanes)
    rows = {"input": dict(zip(cell.input_gates, _rows(weights.w_ih, cell.input_gates), strict=True))}
    rows |= {"recur": dict(zip(cell.recurrent_gates, _rows(weights.w_hh, cell.recurrent_gates), strict=True))}
    bias = {("input", g): b for g, b in zip(cell.input_gates, _rows(weights.b_ih, cell.input_gates), strict=False)}
    bias |= {
        ("recur", g): b for g, b in zip(cell.recurrent_gates, _rows(weights.b_hh, cell.recurrent_gates), strict=False)
    }
    _give_common(launch, call, bias, pack(kernel, lambda op, gate: rows[op][gate], units, x), prog)
    if fused:
        launch.give("x", x)
        launch.slots["inputs"] = inputs
    elif weights.w_ih is not None:
        matrix = weights.w_ih
        if wide != units:
            matrix = (
                pad_units(weights.w_ih.view(-1, units, inputs).transpose(1, 2), lanes)
                .transpose(1, 2)
                .reshape(-1, inputs)
            )
        xp = torch.nn.functional.linear(x, matrix)
        launch.slots["stride input"] = xp.shape[-1]
        for k, gate in enumerate(cell.input_gates):
            launch.give(f"input {gate}", xp, k * wide)
    sequences = {}
    for name in stored:
        own = name == output
        clean = call.lengths is not None and (own or name in zero_past)
        shape = (steps + own, batch, wide)
        sequences[name] = x.new_zeros(shape) if clean else x.new_empty(shape)
        first = batch * wide if own and not call.reverse else 0
        launch.give(f"out {name}", sequences[name], first)
        launch.slots[f"stride out {name}"] = wide
    final = []
    for name, value in zip(cell.states, call.state, strict=True):
        initial = pad_units(value, lanes)
        if name == output:
            sequences[name][-1 if call.reverse else 0] = initial
        final.append(give_state(launch, name, initial))
    launch.run(call.lengths, torch.get_num_threads())
    return sequences, final


def give_state(launch: Launch, name: str, initial: Tensor) -> Tensor:
    """Let a kernel have a state's initial value; returns where its final value will be."""
    if name not in launch.kernel.sequences:
        own = initial.clone()
        launch.give(f"state {name}", own)
        return own
    pitch = launch.padded * initial.element_size()
    pointers = torch.arange(launch.batch, device=initial.device) * pitch + initial.data_ptr()
    launch.keep.append(initial)
    launch.give(f"previous {name}", pointers)
    final = torch.empty_like(initial)
    launch.give(f"final {name}", final)
    return final


def _give_common(
    launch: Launch, call: Call, bias: dict[tuple[str, str], Tensor], packed: Tensor, prog: Program
) -> None:
    like, lanes = call.x, launch.kernel.lanes
    launch.slots["lengths"] = launch.slots["reset"] = launch.slots["inputs"] = 0
    if call.lengths is not None:
        launch.give("lengths", call.lengths.contiguous())
    if call.reset is not None:
        launch.give("reset", call.reset.contiguous())
    launch.give("zeros", like.new_zeros(launch.padded))
    launch.give("weights", packed)
    launch.give("scratch", like.new_empty(max(1, launch.kernel.made * launch.batch * launch.padded)))
    for k, vectors in enumerate(biases(launch.kernel, prog, bias, launch.units, like)):
        launch.give(f"bias {k}", vectors)
    for name, vector in call.weights.p.items():
        launch.give(f"parameter {name}", pad_units(vector, lanes))
    for name, mask in call.masks.items():
        launch.give(f"mask {name}", pad_units(mask, lanes))
        launch.slots[f"stride mask {name}"] = launch.padded


def _rows(stacked: Tensor | None, gates: tuple[str, ...]) -> tuple[Tensor, ...]:
    return () if stacked is None or not gates else stacked.chunk(len(gates))


def backward(
    call: Call,
    names: tuple[str, ...],
    back: Adjoint,
    sequences: Mapping[str, Tensor],
    gradients: tuple[Tensor | None, ...],
    wanted: set[str],
) -> dict[str, Tensor]:
    """Run the backward kernel and gather the gradients by the names of `flatten`."""
    cell, x = call.cell, call.x
    prog, output = back.program, cell.states[0]
    steps, batch, _ = x.shape
    units = call.weights.hidden_size(cell)
    slots = _gradient_slots(prog, cell.input_gates)
    stored = [(name, prog.gates[name]) for name in slots]
    kernel = kernel_for(prog, stored, x.dtype, batch, fused_input=True)
    launch = Launch(kernel, steps, batch, units, not call.reverse)
    lanes, wide = kernel.lanes, launch.padded
    rows = dict(zip(cell.recurrent_gates, _rows(call.weights.w_hh, cell.recurrent_gates), strict=True))
    packed = pack(kernel, lambda op, gate: rows[gate].t() if op == "recur_transposed" else rows[gate], units, x)
    ascending = call
    if call.reset is not None and call.reverse and steps:
        # The run ended at step 0: a flag there cuts nothing, though the backward run begins with it.
        ascending = replace(call, reset=torch.cat([torch.zeros_like(call.reset[:1]), call.reset[1:]]))
    _give_common(launch, ascending, {}, packed, prog)
    launch.give("x", x)
    shape = (steps, batch, len(slots), wide)
    made = x.new_empty(shape) if call.lengths is None else x.new_zeros(shape)
    for k, name in enumerate(slots):
        launch.give(f"out {name}", made, k * wide)
        launch.slots[f"stride out {name}"] = len(slots) * wide
    offset = {output: batch * wide if not call.reverse else 0}
    for name in back.saved:
        launch.give(f"saved {name}", sequences[name], offset.get(name, 0))
        launch.slots[f"stride saved {name}"] = wide
    for name, value in zip(cell.states, call.state, strict=True):
        launch.give(f"initial {name}", pad_units(value.detach(), lanes))
        launch.give(f"before {name}", torch.zeros(batch, dtype=torch.int64, device=x.device))
        if name in sequences:
            launch.give(f"sequence {name}", sequences[name], offset.get(name, 0))
            launch.slots[f"stride sequence {name}"] = wide
    count = len(cell.states)
    for name, gradient in zip((output, *names), (gradients[0], *gradients[1 + count :]), strict=True):
        launch.give(f"cotangent {name}", x.new_zeros(wide) if gradient is None else pad_units(gradient, lanes))
        launch.slots[f"stride cotangent {name}"] = 0 if gradient is None else wide
    sums = {name: x.new_zeros(batch, wide) for name in prog.sums}
    for name, room in sums.items():
        launch.give(f"sum {name}", room)
    carried = {}
    for name in prog.states:
        own = dict(zip((f"d {s}" for s in cell.states), gradients[1 : 1 + count], strict=True)).get(name)
        carried[name] = give_state(launch, name, x.new_zeros(batch, wide) if own is None else pad_units(own, lanes))
    launch.run(call.lengths, torch.get_num_threads())
    found = weight_gradients(call, sequences[output], made, slots, prog, units, wanted)
    for name, room in sums.items():
        found[name] = room[:, :units].sum(0)
    found |= _state_gradients(call, carried, rows, units)
    return found


def _gradient_slots(prog: Program, inputs: tuple[str, ...]) -> list[str]:
    """Names of the gradients to be written: inputs' parts side by side, then products' that are not the same values."""
    slots = [f"x.{gate}" for gate in inputs]
    taken = {prog.gates[name] for name in slots}
    for name, k in prog.gates.items():
        if name not in slots and k not in taken:
            slots.append(name)
            taken.add(k)
    return slots


def _state_gradients(
    call: Call, carried: Mapping[str, Tensor], rows: Mapping[str, Tensor], units: int
) -> dict[str, Tensor]:
    found = {}
    for name in call.cell.states:
        gradient = carried[f"d {name}"][:, :units]
        if name == call.cell.states[0]:
            for gate, matrix in rows.items():
                if f"d r.{gate}" in carried:
                    gradient = gradient + carried[f"d r.{gate}"][:, :units] @ matrix
        if call.reset is not None and not call.reverse and len(call.reset):
            cut = call.reset[0] if call.lengths is None else call.reset[0] & (call.lengths > 0)
            gradient = gradient.masked_fill(cut[:, None], 0)
        found[f"state {name}"] = gradient
    return found


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
