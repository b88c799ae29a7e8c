"""The forward and the backward run: what each kernel is given, and what is made of what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.adjoint import Adjoint
from tidegate.engine.backends.llvm.buffers import empty, nothing, zeros
from tidegate.engine.backends.llvm.gradients import projection_gradient, weight_gradients
from tidegate.engine.backends.llvm.host import Launch, fuses_input, kernel_for, padded
from tidegate.engine.backends.llvm.matmul import multiply
from tidegate.engine.backends.llvm.packed import give_biases, pack
from tidegate.engine.backends.llvm.plan import is_output, state_operands
from tidegate.engine.backends.llvm.tiles import KernelSpec
from tidegate.engine.backends.llvm.valid import ValidRows
from tidegate.engine.call import Call
from tidegate.engine.program import Program, program


def forward(
    call: Call, stored: Mapping[str, int], zero_past: set[str], *, initial: bool
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel.

    Args:
        call: what is to be run.
        stored: what is written at every step, by name.
        zero_past: what of it is zero past the lengths.
        initial: the sequences of the output and of products' operands have one step more, the initial state.

    Returns:
        The stored sequences, and the final states.
    """
    launch, sequences, final = prepare(call, stored, zero_past, initial=initial)
    launch.run(call.lengths, torch.get_num_threads())
    return sequences, final


def prepare(
    call: Call, stored: Mapping[str, int], zero_past: set[str], *, initial: bool, fused: bool | None = None
) -> tuple[Launch, dict[str, Tensor], list[Tensor]]:
    """A forward launch, and what it will write: what `forward` returns. ``fused``: as in `forward_kernel`."""
    cell, x, weights = call.cell, call.x.contiguous(), call.weights
    steps, batch, inputs = x.shape
    units = weights.hidden_size(cell)
    kernel = forward_kernel(call, stored, fused=fused)
    launch = Launch(kernel, steps, batch, units, call.reverse)
    lanes, wide = kernel.lanes, padded(units, kernel.lanes)
    give_biases(launch, cell, weights, call.state[0].shape[1], x)
    _give_common(launch, call, x)
    if kernel.fused_input:
        launch.give("x", x)
        launch.slots["inputs"] = inputs
    elif weights.w_ih is not None:
        xp = _input_parts(x.view(-1, inputs), weights.w_ih, len(cell.input_gates), wide)
        launch.slots["stride input"] = xp.shape[-1]
        for k, gate in enumerate(cell.input_gates):
            launch.give(f"input {gate}", xp, k * wide)
    sequences, operands = {}, with_initial_state(call) if initial else set()
    for name in stored:
        own = name in operands
        clean = call.lengths is not None and (own or name == cell.states[0] or name in zero_past)
        shape = sequence_shape(call, name, lanes, own)
        width = shape[2]
        sequences[name] = zeros(shape, x) if clean else empty(shape, x)
        launch.give(f"out {name}", sequences[name], batch * width if own and not call.reverse else 0)
        launch.slots[f"stride out {name}"] = width
    final = []
    for name, value in zip(cell.states, call.state, strict=True):
        final.append(give_state(launch, name, value, x))
        if name in operands:
            sequence, value = sequences[name], value.contiguous()
            launch.keep.append(value)
            width, first = sequence.shape[2], len(sequence) - 1 if call.reverse else 0
            to = sequence.data_ptr() + first * batch * width * kernel.itemsize
            launch.copy(value.data_ptr(), to, batch, value.shape[1], width)
    return launch, sequences, final


def forward_kernel(call: Call, stored: Mapping[str, int], *, fused: bool | None = None) -> KernelSpec:
    """The kernel that runs a call forward and writes some values at every step.

    Args:
        call: what is to be run.
        stored: what is written, by name.
        fused: whether the input's product is inside the loop; None leaves it to `fuses_input`.
    """
    batch = call.x.shape[1]
    fused = fuses_input(batch, call.weights.hidden_size(call.cell)) if fused is None else fused
    named, output = list(stored.items()), projected_output(call)
    return kernel_for(program(call.cell), named, call.x.dtype, batch, fused_input=fused, output=output)


def with_initial_state(call: Call) -> set[str]:
    """The sequences that begin with the initial state: the output, and products' operands."""
    return {call.cell.states[0], *state_operands(program(call.cell)).values()}


def sequence_shape(call: Call, name: str, lanes: int, initial: bool) -> tuple[int, int, int]:
    """The shape of what is written at every step under a name: (T, B, padded), a step more with the initial state."""
    units = call.state[0].shape[1] if name == call.cell.states[0] else call.weights.hidden_size(call.cell)
    return call.x.shape[0] + initial, call.x.shape[1], padded(units, lanes)


def projected_output(call: Call) -> str:
    """The output's name, if it has another size than the other states."""
    return call.cell.states[0] if call.state[0].shape[1] != call.weights.hidden_size(call.cell) else ""


def give_state(launch: Launch, name: str, initial: Tensor | None, like: Tensor, size: int = 0) -> Tensor:
    """Let a kernel have a state's initial value; returns where its final value will be.

    Args:
        launch: the kernel's.
        name: the state.
        initial: (B, units); None for zeros.
        like: dtype and device.
        size: units, where there is no initial value.
    """
    width = padded(size if initial is None else initial.shape[1], launch.kernel.lanes)
    if name not in launch.kernel.sequences:
        own = launch.room(launch.batch, width, initial, like)
        launch.give(f"state {name}", own)
        return own
    first = nothing(launch.batch * width, like) if initial is None else launch.whole_vectors(initial)
    launch.give(f"initial {name}", first)
    final = empty((launch.batch, width), like)
    launch.give(f"final {name}", final)
    return final


def _give_common(launch: Launch, call: Call, like: Tensor) -> None:
    kernel, slots = launch.kernel, launch.slots
    outputs, lanes = call.state[0].shape[1], kernel.lanes
    wide_out = padded(outputs, lanes)
    widest = max(launch.padded, wide_out)
    slots.update({"outputs": outputs, "padded outputs": wide_out, "widest": widest})
    slots.update({"lengths": 0, "reset": 0, "inputs": 0})
    if call.lengths is not None:
        launch.give("lengths", call.lengths.contiguous())
    if call.reset is not None:
        launch.give("reset", call.reset.contiguous())
    launch.give("zeros", nothing(widest, like))
    launch.give("weights", pack(kernel, call.cell, call.weights, like))
    launch.give("scratch", empty(max(1, sum(map(len, kernel.made)) * launch.batch * widest), like))
    for name, vector in call.weights.p.items():
        launch.give(f"parameter {name}", launch.whole_vectors(vector))
    for name, mask in call.masks.items():
        launch.give(f"mask {name}", launch.whole_vectors(mask))
        slots[f"stride mask {name}"] = launch.padded


def _input_parts(x: Tensor, w_ih: Tensor, gates: int, wide: int) -> Tensor:
    """W_k x of every gate k, (T * B, gates * wide); each gate's units are padded to whole vectors."""
    units = w_ih.shape[0] // gates
    if wide == units:
        return multiply(x, w_ih.t())
    xp = zeros((len(x), gates * wide), x)
    for k, matrix in enumerate(w_ih.chunk(gates)):
        multiply(x, matrix.t(), xp[:, k * wide : k * wide + units])
    return xp


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
    kernel, slots, project = backward_kernel(call, prog)
    projected = projected_output(call)
    valid = ValidRows(steps, batch, call.lengths)
    launch = Launch(kernel, steps, batch, units, not call.reverse)
    lanes, wide = kernel.lanes, launch.padded
    if valid.places is not None:
        launch.give("places", valid.places)
    lanes, wide = kernel.lanes, launch.padded
    ascending = call
    if call.reset is not None and call.reverse and steps:
        # The run ended at step 0: a flag there cuts nothing, though the backward run begins with it.
        ascending = replace(call, reset=torch.cat([torch.zeros_like(call.reset[:1]), call.reset[1:]]))
    give_biases(launch, cell, None, call.state[0].shape[1], x)
    _give_common(launch, ascending, x)
    launch.give("x", x)
    made = empty((valid.count, len(slots), wide), x)
    wide_out = padded(call.state[0].shape[1], lanes)
    made_out = empty((valid.count if project else 0, wide_out), x)
    for name in project:
        launch.give(f"out {name}", made_out)
        launch.slots[f"stride out {name}"] = wide_out
    for k, name in enumerate(slots):
        launch.give(f"out {name}", made, k * wide)
        launch.slots[f"stride out {name}"] = len(slots) * wide
    operands = state_operands(program(cell))
    with_initial = {output, *operands.values()} if not call.reverse else set()
    offset = {name: batch * sequence.shape[-1] * (name in with_initial) for name, sequence in sequences.items()}
    for name in back.saved:
        launch.give(f"saved {name}", sequences[name], offset[name])
        launch.slots[f"stride saved {name}"] = sequences[name].shape[-1]
    for name, value in zip(cell.states, call.state, strict=True):
        launch.give(f"initial {name}", launch.whole_vectors(value.detach()))
        if name in sequences:
            launch.give(f"sequence {name}", sequences[name], offset[name])
            launch.slots[f"stride sequence {name}"] = sequences[name].shape[-1]
    count = len(cell.states)
    for name, gradient in zip((output, *names), (gradients[0], *gradients[1 + count :]), strict=True):
        zero = wide_out if name == output else wide
        given = nothing(zero, x) if gradient is None else launch.whole_vectors(gradient)
        launch.give(f"cotangent {name}", given)
        launch.slots[f"stride cotangent {name}"] = 0 if gradient is None else given.shape[-1]
    sums = {name: launch.room(batch, wide, None, x) for name in prog.sums}
    for name, room in sums.items():
        launch.give(f"sum {name}", room)
    own = {f"d {name}": gradient for name, gradient in zip(cell.states, gradients[1 : 1 + count], strict=True)}
    carried = {
        name: give_state(launch, name, own.get(name), x, wide_out if is_output(name, projected) else wide)
        for name in prog.states
    }
    launch.run(call.lengths, torch.get_num_threads())
    found = weight_gradients(call, sequences, made, valid, slots, prog, units, wanted)
    for name, room in sums.items():
        found[name] = room[:, :units].sum(0)
    places = {prog.gates[name]: k for k, name in enumerate(slots)}
    if "w_hr" in wanted:
        found["w_hr"] = projection_gradient(
            made_out, made[:, places[prog.gates["operand project"]]], call.state[0].shape[1], units
        )
    for name in call.masks:
        if f"mask {name}" in wanted:
            found[f"mask {name}"] = valid.put(made[:, places[prog.gates[f"m.{name}"]], :units].contiguous())
    return found | _state_gradients(call, carried, operands, units, wanted)


def backward_kernel(call: Call, prog: Program) -> tuple[KernelSpec, list[str], list[str]]:
    """The kernel of a backward Program, and the gradients it writes: side by side, and that of a projection."""
    slots = _gradient_slots(prog, call.cell.input_gates)
    project = [name for name in prog.gates if name == "project"]  # of another size, so in a buffer of its own
    stored = [(name, prog.gates[name]) for name in (*slots, *project)]
    batch, output = call.x.shape[1], projected_output(call)
    placed = call.lengths is not None
    kernel = kernel_for(prog, stored, call.x.dtype, batch, fused_input=True, output=output, placed=placed)
    return kernel, slots, project


def _gradient_slots(prog: Program, inputs: tuple[str, ...]) -> list[str]:
    """Names of the gradients to be written: inputs' parts side by side, then products' that are not the same values."""
    slots = [f"x.{gate}" for gate in inputs]
    taken = {prog.gates[name] for name in slots}
    for name, k in prog.gates.items():
        if name not in (*slots, "project") and k not in taken:
            slots.append(name)
            taken.add(k)
    return slots


def _state_gradients(
    call: Call,
    carried: Mapping[str, Tensor],
    operands: Mapping[str, str],
    units: int,
    wanted: set[str],
) -> dict[str, Tensor]:
    found = {}
    if not any(f"state {name}" in wanted for name in call.cell.states):
        return found
    rows = dict(zip(call.cell.recurrent_gates, _rows(call.weights.w_hh, call.cell.recurrent_gates), strict=True))
    for name, state in zip(call.cell.states, call.state, strict=True):
        if f"state {name}" not in wanted:
            continue
        gradient = carried[f"d {name}"][:, : state.shape[1]]
        for gate, operand in operands.items():
            if operand == name:
                multiply(carried[f"d r.{gate}"][:, :units], rows[gate], gradient, add=True)
        if call.reset is not None and not call.reverse and len(call.reset):
            cut = call.reset[0] if call.lengths is None else call.reset[0] & (call.lengths > 0)
            gradient = gradient.masked_fill(cut[:, None], 0)
        found[f"state {name}"] = gradient
    return found
