"""The forward and the backward run: what each kernel is given, and what is made of what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty, nothing, zeros
from tidegate.engine.backends.llvm.launch.launcher import Launch
from tidegate.engine.backends.llvm.launch.layouts import (
    BackwardLayout,
    ForwardLayout,
    Sizes,
    State,
    Stored,
    backward_layout,
    forward_layout,
    sizes_of,
)
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.backends.llvm.launch.pack_weights import give_biases, pack
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.backends.llvm.launch.weight_gradients import projection_gradient, weight_gradients
from tidegate.engine.call import Call
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program.adjoint import Adjoint
from tidegate.engine.program.program import program


def forward(
    call: Call, stored: Stored, zero_past: frozenset[str], *, initial: bool
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel.

    Args:
        call: what is to be run.
        stored: what is written at every step.
        zero_past: what of it is zero past the lengths, besides the output.
        initial: the sequences of the output and of products' operands have one step more, the initial state.

    Returns:
        The stored sequences, and the final states.
    """
    launch, sequences, final = prepare(call, stored, zero_past, initial=initial)
    launch.run(call.lengths, torch.get_num_threads())
    return sequences, final


def prepare(
    call: Call, stored: Stored, zero_past: frozenset[str], *, initial: bool, fused: bool | None = None
) -> tuple[Launch, dict[str, Tensor], list[Tensor]]:
    """A forward launch, and what it will write: what `forward` returns. ``fused``: as in `forward_kernel`."""
    sizes, x, weights = sizes_of(call), call.x.contiguous(), call.weights
    layout = forward_layout(sizes, stored, zero_past, initial=initial, fused=fused)
    launch = Launch(layout.kernel, sizes.steps, sizes.batch, sizes.units, call.reverse, dict(layout.numbers))
    give_biases(launch, call.cell, weights, sizes.outputs, x)
    _give_common(launch, layout, call, x)
    if layout.parts and weights.w_ih is not None:
        xp = _input_parts(x.view(-1, sizes.inputs), weights.w_ih, len(layout.parts), launch.padded)
        launch.give_parts(xp, layout.parts)
    else:
        launch.give("x", x)
    sequences, places = {}, {}
    for name, slot, shape, first, place, clean in layout.sequences:
        made = sequences[name] = zeros(shape, x) if clean else empty(shape, x)
        launch.give(slot, made, first)
        if place is not None:
            places[name] = made.data_ptr() + place * layout.kernel.itemsize
    final = []
    for state, value in zip(layout.states, [value.contiguous() for value in call.state], strict=True):
        final.append(_give_state(launch, state, value, x))
        if state.name in places:
            launch.keep.append(value)
            launch.copy(value.data_ptr(), places[state.name], sizes.batch, value.shape[1], state.width)
    return launch, sequences, final


def _give_state(launch: Launch, state: State, initial: Tensor | None, like: Tensor) -> Tensor:
    """Let a kernel have a state's initial value, zeros if there is none; returns where its final value will be."""
    _, width, slots = state
    if len(slots) == 1:
        own = launch.room(launch.batch, width, initial, like)
        launch.give(slots[0], own)
        return own
    first = nothing(launch.batch * width, like) if initial is None else launch.whole_vectors(initial)
    final = empty((launch.batch, width), like)
    launch.give(slots[0], first)
    launch.give(slots[1], final)
    return final


def _give_common(launch: Launch, layout: ForwardLayout | BackwardLayout, call: Call, like: Tensor) -> None:
    if call.lengths is not None:
        launch.give("lengths", call.lengths.contiguous())
    if call.reset is not None:
        launch.give("reset", call.reset.contiguous())
    launch.give("zeros", nothing(layout.numbers["widest"], like))
    launch.give("weights", pack(layout.kernel, call.cell, call.weights, like))
    launch.give("scratch", empty(layout.scratch, like))
    for name, vector in call.weights.p.items():
        launch.give(f"parameter {name}", launch.whole_vectors(vector))
    for name, mask in call.masks.items():
        launch.give(f"mask {name}", launch.whole_vectors(mask))


def _input_parts(x: Tensor, w_ih: Tensor, gates: int, wide: int) -> Tensor:
    """W_k x of every gate k, (T * B, gates * wide); each gate's units are padded to whole vectors."""
    units = w_ih.shape[0] // gates
    if wide == units:
        return multiply(x, w_ih.t())
    xp = zeros((len(x), gates * wide), x)
    for k, matrix in enumerate(w_ih.chunk(gates)):
        multiply(x, matrix.t(), xp[:, k * wide : k * wide + units])
    return xp


def backward(
    call: Call,
    names: tuple[str, ...],
    back: Adjoint,
    sequences: Mapping[str, Tensor],
    gradients: tuple[Tensor | None, ...],
    wanted: set[str],
) -> dict[str, Tensor]:
    """Run the backward kernel and gather the gradients by the names of `flatten`."""
    cell, x, sizes = call.cell, call.x, sizes_of(call)
    prog, units = back.program, sizes.units
    layout = backward_layout(sizes, prog, tuple(back.saved), tuple(sequences), names)
    valid = ValidRows(sizes.steps, sizes.batch, call.lengths)
    launch = Launch(layout.kernel, sizes.steps, sizes.batch, units, not call.reverse, dict(layout.numbers))
    if valid.places is not None:
        launch.give("places", valid.places)
    ascending = call
    if call.reset is not None and call.reverse and sizes.steps:
        # The run ended at step 0: a flag there cuts nothing, though the backward run begins with it.
        ascending = replace(call, reset=torch.cat([torch.zeros_like(call.reset[:1]), call.reset[1:]]))
    give_biases(launch, cell, None, sizes.outputs, x)
    _give_common(launch, layout, ascending, x)
    launch.give("x", x)
    made = empty((valid.count, len(layout.slots), layout.wide), x)
    launch.give_parts(made, layout.columns)
    made_out = made
    for slot in layout.project:
        made_out = empty((valid.count, layout.wide_out), x)
        launch.give(slot, made_out)
    for slot, name, first in layout.read:
        launch.give(slot, sequences[name], first)
    for name, value in zip(cell.states, call.state, strict=True):
        launch.give(f"initial {name}", launch.whole_vectors(value.detach()))
    count = len(cell.states)
    over_time = (gradients[0], *gradients[1 + count :])
    for (slot, stride, width), gradient in zip(layout.cotangents, over_time, strict=True):
        launch.give(slot, nothing(width, x) if gradient is None else launch.whole_vectors(gradient))
        launch.slots[stride] = 0 if gradient is None else width
    sums = {}
    for name, slot in layout.sums:
        sums[name] = launch.room(sizes.batch, layout.wide, None, x)
        launch.give(slot, sums[name])
    own = {f"d {name}": gradient for name, gradient in zip(cell.states, gradients[1 : 1 + count], strict=True)}
    carried = {state.name: _give_state(launch, state, own.get(state.name), x) for state in layout.states}
    launch.run(call.lengths, torch.get_num_threads())
    found = weight_gradients(call, sequences, made, valid, layout.slots, prog, units, wanted)
    for name, room in sums.items():
        found[name] = room[:, :units].sum(0)
    places = {prog.gates[name]: k for k, name in enumerate(layout.slots)}
    if "w_hr" in wanted:
        operand = made[:, places[prog.gates["operand project"]]]
        found["w_hr"] = projection_gradient(made_out, operand, sizes.outputs, units)
    for name in call.masks:
        if f"mask {name}" in wanted:
            found[f"mask {name}"] = valid.put(made[:, places[prog.gates[f"m.{name}"]], :units].contiguous())
    return found | _state_gradients(call, sizes, carried, wanted)


def _state_gradients(call: Call, sizes: Sizes, carried: Mapping[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    found, cell, w_hh = {}, call.cell, call.weights.w_hh
    for name in cell.states:
        if f"state {name}" not in wanted:
            continue
        gradient = carried[f"d {name}"][:, : sizes.size(name)]
        rows = () if w_hh is None else w_hh.chunk(len(cell.recurrent_gates))
        operands = state_operands(program(cell))
        for gate, matrix in zip(cell.recurrent_gates, rows, strict=True):
            if operands.get(gate) == name:
                multiply(carried[f"d r.{gate}"][:, : sizes.units], matrix, gradient, add=True)
        if call.reset is not None and not call.reverse and len(call.reset):
            cut = call.reset[0] if call.lengths is None else call.reset[0] & (call.lengths > 0)
            gradient = gradient.masked_fill(cut[:, None], 0)
        found[f"state {name}"] = gradient
    return found
