"""The forward and the backward run: set a kernel's arguments, run it, collect its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.argument_layout import (
    BackwardLayout,
    ForwardLayout,
    State,
    Stored,
    backward_layout,
    forward_layout,
)
from tidegate.engine.backends.llvm.launch.buffers import empty, shared_zeros, zeros
from tidegate.engine.backends.llvm.launch.launcher import Launch
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.backends.llvm.launch.pack_weights import pack_int8, pack_weights, set_biases
from tidegate.engine.backends.llvm.launch.sizes import sizes_of
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.call import Call
from tidegate.engine.kernels import arguments
from tidegate.engine.program import gradient_names
from tidegate.engine.program.adjoint import Adjoint


def launch_forward(
    call: Call, stored: Stored, zero_past: frozenset[str], *, initial: bool
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel.

    Args:
        call: the call.
        stored: values to write at every step.
        zero_past: which of them must be zero past the lengths, besides the output.
        initial: the sequences of the output and of products' operands have one step more, the initial state.

    Returns:
        The stored sequences, and the final states.
    """
    launch, sequences, final = forward_arguments(call, stored, zero_past, initial=initial)
    launch.execute(call.lengths)
    return sequences, final


def forward_arguments(
    call: Call,
    stored: Stored,
    zero_past: frozenset[str],
    *,
    initial: bool,
    fused: bool | None = None,
    int8: bool = False,
) -> tuple[Launch, dict[str, Tensor], list[Tensor]]:
    """Set the arguments of a forward kernel, and return them with the memory for its results (see `launch_forward`)."""
    call = _with_vectors_in_full(call)
    sizes, x, weights = sizes_of(call), call.x.contiguous(), call.weights
    full = call.state[0]  # the dtype of all that is not rounded
    layout = forward_layout(sizes, stored, zero_past, initial=initial, fused=fused, int8=int8)
    launch = Launch(layout.kernel, sizes.steps, sizes.batch, sizes.hidden, call.reverse, dict(layout.numbers))
    set_biases(launch, call.cell, weights, sizes.outputs, full)
    _set_common(launch, layout, call)
    if layout.parts and weights.w_ih is not None:
        xp = _input_parts(x.view(-1, sizes.inputs), weights.w_ih, layout.kernel.lanes, full)
        launch.set_parts(xp, layout.parts)
    else:
        launch.set_tensor(arguments.X, x)
    sequences, places = {}, {}
    for name, slot, shape, first, place, zero_past_lengths in layout.sequences:
        like = x if name in layout.kernel.rounded else full
        made = sequences[name] = zeros(shape, like) if zero_past_lengths else empty(shape, like)
        launch.set_tensor(slot, made, first)
        if place is not None:
            places[name] = made.data_ptr() + place * made.element_size()
    final = []
    for state, value in zip(layout.states, [value.contiguous() for value in call.state], strict=True):
        final.append(_set_state(launch, state, value, call))
        if state.rounded and state.name in places:
            launch.slots[state.rounded] = places[state.name]
        elif state.name in places:
            launch.keep_alive.append(value)
            launch.copy(value.data_ptr(), places[state.name], sizes.batch, value.shape[1], state.width)
    return launch, sequences, final


def _with_vectors_in_full(call: Call) -> Call:
    """Return a call with all weights but matrices in the dtype of the states."""
    dtype = call.state[0].dtype
    if call.x.dtype == dtype:
        return call
    weights = call.weights.map(lambda t: t if t.dim() == 2 else t.to(dtype))
    return replace(call, weights=replace(weights, packed=call.weights.packed))


def _set_state(launch: Launch, state: State, initial: Tensor | None, call: Call) -> Tensor:
    """Set a state's initial value, zeros if that is None, and return the memory for its final value."""
    width, slots, full = state.width, state.slots, call.state[0]
    if len(slots) == 1:
        own = launch.padded_copy(launch.batch, width, initial, full)
        launch.set_tensor(slots[0], own)
        if state.rounded:
            launch.set_tensor(state.rounded, empty((launch.batch, width), call.x))
        return own
    like = call.x if launch.kernel.sequences[state.name] in launch.kernel.rounded else full
    first = shared_zeros(launch.batch * width, like) if initial is None else launch.padded(initial)
    final = empty((launch.batch, width), like)
    launch.set_tensor(slots[0], first)
    launch.set_tensor(slots[1], final)
    return final


def _set_common(launch: Launch, layout: ForwardLayout | BackwardLayout, call: Call) -> None:
    """Set the arguments that forward and backward kernels have in common."""
    like = call.state[0]
    if call.lengths is not None:
        launch.set_tensor(arguments.LENGTHS, call.lengths.contiguous())
    if call.reset is not None:
        launch.set_tensor(arguments.RESET, call.reset.contiguous())
    launch.set_tensor(arguments.ZEROS, shared_zeros(layout.numbers[arguments.WIDEST], like))
    if layout.kernel.int8:
        packed, scales = pack_int8(layout.kernel, call.cell, call.weights, like)
        launch.set_tensor(arguments.SCALES, scales)
    else:
        packed = pack_weights(layout.kernel, call.cell, call.weights, like)
    launch.set_tensor(arguments.WEIGHTS, packed)
    launch.set_tensor(arguments.SCRATCH, empty(layout.scratch, like))
    if layout.kernel.operands_made:
        launch.set_tensor(arguments.OPERANDS, empty(layout.operands, call.x))
    for name, vector in call.weights.p.items():
        launch.set_tensor(arguments.parameter(name), launch.padded(vector))
    for name, mask in call.masks.items():
        launch.set_tensor(arguments.mask(name), launch.padded(mask))


def _input_parts(x: Tensor, w_ih: Tensor, lanes: int, like: Tensor) -> Tensor:
    """Return W_k x of all gates side by side, T * B rows, in memory that a kernel may read a vector past the end."""
    rows, columns = len(x), len(w_ih)
    room = empty(rows * columns + lanes, like)
    multiply(x, w_ih.t(), room[: rows * columns].view(rows, columns))
    return room


class BackwardRun(NamedTuple):
    """A backward run.

    Attributes:
        call: the forward call.
        names: the recorded values that have a gradient.
        back: the backward Program.
        sequences: the values that the forward run stored.
        gradients: those of the results: output, final states, recorded values; None for zeros.
        wanted: the names, as in `tensors_by_name`, of the gradients to be returned.
        valid: the rows of valid steps.
    """

    call: Call
    names: tuple[str, ...]
    back: Adjoint
    sequences: Mapping[str, Tensor]
    gradients: Sequence[Tensor | None]
    wanted: frozenset[str]
    valid: ValidRows


class Gradients(NamedTuple):
    """What a backward kernel wrote.

    Attributes:
        names: the gradients that it wrote side by side.
        made: these, (valid rows, gradients, padded).
        by_output: that of a projected output, (valid rows, padded); None without a projection.
        sums: gradients added up over time, (B, padded), by name.
        carried: the gradients of the initial states and of products with them, (B, padded), by name.
        products: what `weight_gradients` makes of them, if it was made already.
    """

    names: tuple[str, ...]
    made: Tensor
    by_output: Tensor | None
    sums: dict[str, Tensor]
    carried: dict[str, Tensor]
    products: dict[str, Tensor] | None = None


def run_backward_kernel(run: BackwardRun) -> Gradients:
    """Run the backward kernel."""
    names, back, sequences, gradients, valid = run.names, run.back, run.sequences, run.gradients, run.valid
    call = _with_vectors_in_full(run.call)
    cell, x, sizes, full = call.cell, call.x, sizes_of(call), call.state[0]
    layout = backward_layout(sizes, back.program, tuple(back.saved), tuple(sequences), names)
    launch = Launch(layout.kernel, sizes.steps, sizes.batch, sizes.hidden, not call.reverse, dict(layout.numbers))
    if valid.places is not None:
        launch.set_tensor(arguments.PLACES, valid.places)
    ascending = call
    if call.reset is not None and call.reverse and sizes.steps:
        # The run ended at step 0: a flag there has no effect, although the backward run begins with it.
        ascending = replace(call, reset=torch.cat([torch.zeros_like(call.reset[:1]), call.reset[1:]]))
    set_biases(launch, cell, None, sizes.outputs, full)
    _set_common(launch, layout, ascending)
    launch.set_tensor(arguments.X, x)
    made = empty((valid.count, len(layout.gradients), layout.wide), x)
    launch.set_parts(made, layout.columns)
    by_output = None
    for slot in layout.project:
        by_output = empty((valid.count, layout.wide_out), x)
        launch.set_tensor(slot, by_output)
    for slot, name, first in layout.read:
        launch.set_tensor(slot, sequences[name], first)
    dtypes = {name: x.dtype if name in layout.kernel.rounded else full.dtype for name in (*cell.states, *names)}
    for name, value in zip(cell.states, call.state, strict=True):
        launch.set_tensor(arguments.initial(name), launch.padded(value.detach().to(dtypes[name])))
    count = len(cell.states)
    over_time = (gradients[0], *gradients[1 + count :])
    for (name, slot, stride, width), gradient in zip(layout.cotangents, over_time, strict=True):
        own = shared_zeros(width, full) if gradient is None else launch.padded(gradient.to(dtypes[name]))
        launch.set_tensor(slot, own)
        launch.slots[stride] = 0 if gradient is None else width
    sums = {}
    for name, slot in layout.sums:
        sums[name] = launch.padded_copy(sizes.batch, layout.wide, None, full)
        launch.set_tensor(slot, sums[name])
    final = zip(cell.states, gradients[1 : 1 + count], strict=True)
    of_final = {gradient_names.of_state(name): gradient for name, gradient in final}
    carried = {state.name: _set_state(launch, state, of_final.get(state.name), call) for state in layout.states}
    launch.execute(call.lengths)
    return Gradients(layout.gradients, made, by_output, sums, carried)
