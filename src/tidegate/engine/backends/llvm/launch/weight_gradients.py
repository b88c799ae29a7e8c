"""Gradients of the weights: one large product each, after the backward loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty, zeros
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.call import Call
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program.program import Program, program


def weight_gradients(
    call: Call,
    sequences: Mapping[str, Tensor],
    made: Tensor,
    rows: ValidRows,
    slots: tuple[str, ...],
    prog: Program,
    units: int,
    wanted: set[str],
) -> dict[str, Tensor]:
    """Gradients of x, the matrices and the biases.

    Args:
        call: the forward call.
        sequences: the states that products were with, over time with the initial state before the first step,
            (T + 1, B, padded).
        made: the gradients the kernel wrote, (valid rows, slots, padded).
        rows: which rows are valid.
        slots: what stands where in ``made``.
        prog: the backward Program, which knows which names are one value.
        units: H.
        wanted: which gradients are needed.
    """
    cell, x = call.cell, call.x
    found: dict[str, Tensor] = {}
    width = len(cell.input_gates)
    if width:
        by_input = list(range(width))
        if "x" in wanted and call.weights.w_ih is not None:
            found["x"] = rows.put(_by_matrix(made, by_input, call.weights.w_ih, units))
        if "w_ih" in wanted:
            found["w_ih"], found["b_ih"] = _by_operands(made, [(by_input, rows.take(x))], units)
        elif "b_ih" in wanted:
            found["b_ih"] = _columns(made, by_input, units).sum(0)
    if not cell.recurrent_gates or not wanted & {"w_hh", "b_hh"}:
        return found
    places = {prog.gates[name]: k for k, name in reversed(list(enumerate(slots)))}
    columns = [places[prog.gates[f"r.{gate}"]] for gate in cell.recurrent_gates]
    sums = None
    if "w_hh" in wanted:
        groups = _groups(call, sequences, made, rows, places, prog, columns, units)
        found["w_hh"], sums = _by_operands(made, groups, units)
        if call.reverse and rows.places is not None and len(x):
            found["w_hh"] += _first_steps(call, made, rows.places, columns, units)
    if "b_hh" in wanted:
        found["b_hh"] = _columns(made, columns, units).sum(0) if sums is None else sums
    return found


def projection_gradient(by_output: Tensor, operand: Tensor, outputs: int, units: int) -> Tensor:
    """The gradient of W_hr from those of the projected output and from what was projected, each (rows, padded)."""
    return multiply(by_output[:, :outputs].contiguous().t(), operand[:, :units].contiguous())


def _columns(made: Tensor, places: list[int], units: int) -> Tensor:
    """Some slots side by side, (rows, slots * H); no copy if they stand so already."""
    rows, count, wide = made.shape
    if wide == units and places == list(range(places[0], places[0] + len(places))):
        return made.view(rows, count * wide)[:, places[0] * wide : (places[-1] + 1) * wide]
    return made[:, places, :units].reshape(rows, len(places) * units)


def _by_matrix(made: Tensor, places: list[int], matrix: Tensor, units: int) -> Tensor:
    """Some slots' gradients by a matrix (slots * H, ·): what goes back to what was multiplied, (rows, ·)."""
    if made.shape[2] == units:
        return multiply(_columns(made, places, units), matrix)
    # What stands in padded units may be anything, so one slot after the other.
    out = empty((len(made), matrix.shape[1]), made)
    for k, (place, own) in enumerate(zip(places, matrix.chunk(len(places)), strict=True)):
        multiply(made[:, place, :units], own, out, add=k > 0)
    return out


def _by_operands(made: Tensor, groups: Sequence[tuple[list[int], Tensor]], units: int) -> tuple[Tensor, Tensor]:
    """Slots' gradients by what was multiplied: a matrix's gradient, and the sums, a bias's.

    Args:
        made: the gradients, (rows, slots, padded).
        groups: some slots and what they are multiplied with, (rows, ·); theirs are rows of the matrix, group by group.
        units: H.
    """
    rows, count, wide = made.shape
    total = units * sum(len(places) for places, _ in groups)
    matrix, sums = empty((total, groups[0][1].shape[1]), made), zeros(total, made)
    start = 0
    for places, operand in groups:
        end = start + units * len(places)
        out, own = matrix[start:end], sums[start:end]
        side_by_side = places == list(range(places[0], places[0] + len(places)))
        if wide == units or not side_by_side:
            multiply(_columns(made, places, units).t(), operand, out, sums=own)
        else:
            # With the padding, whose rows are left out: no copy of all rows is made.
            by_slot = made.view(rows, count * wide)[:, places[0] * wide : (places[-1] + 1) * wide]
            padded = zeros(by_slot.shape[1], made)
            out.view(len(places), units, -1)[:] = multiply(by_slot.t(), operand, sums=padded).unflatten(0, (-1, wide))[
                :, :units
            ]
            own.view(-1, units)[:] = padded.view(-1, wide)[:, :units]
        start = end
    return matrix, sums


def _groups(
    call: Call,
    sequences: Mapping[str, Tensor],
    made: Tensor,
    rows: ValidRows,
    places: dict[int, int],
    prog: Program,
    columns: list[int],
    units: int,
) -> list[tuple[list[int], Tensor]]:
    """Runs of recurrent gates, in order, with the operand that their products had."""
    operands = state_operands(program(call.cell))
    sizes = {name: state.shape[1] for name, state in zip(call.cell.states, call.state, strict=True)}
    previous = {name: rows.take(_before(call, sequences[name])[..., : sizes[name]]) for name in {*operands.values()}}
    groups: list[tuple[list[int], Tensor]] = []
    direct: list[int] = []
    of = ""
    for gate, column in zip(call.cell.recurrent_gates, columns, strict=True):
        if gate not in operands:
            groups.append(([column], _columns(made, [places[prog.gates[f"operand r.{gate}"]]], units)))
            direct = []
        elif direct and column == direct[-1] + 1 and operands[gate] == of:
            direct.append(column)
        else:
            direct, of = [column], operands[gate]
            groups.append((direct, previous[of]))
    return groups


def _before(call: Call, sequence: Tensor) -> Tensor:
    """A state before each step, zero where a new sequence begins."""
    steps = call.x.shape[0]
    before = sequence[1:] if call.reverse else sequence[:steps]
    if call.reset is None:
        return before
    if not call.reverse:
        return before.masked_fill(call.reset[:, :, None], 0)
    cut = torch.zeros_like(call.reset)
    cut[:-1] = call.reset[1:]
    return before.masked_fill(cut[:, :, None], 0)


def _first_steps(call: Call, made: Tensor, places: Tensor, columns: list[int], units: int) -> Tensor:
    """What the initial states add to the gradient of the direct gates' matrix.

    A reversed run begins at each sequence's last valid step, after which what is stored is zero, not that state.
    """
    assert call.lengths is not None
    initial = dict(zip(call.cell.states, call.state, strict=True))
    operands = state_operands(program(call.cell))
    last = (call.lengths - 1).clamp(min=0)
    rows = places[last, torch.arange(len(last))].clamp(min=0)
    # Where the last valid step is the last of all, the initial state was counted with the others.
    counts = (call.lengths > 0) & (call.lengths < call.x.shape[0])
    parts = []
    for gate, column in zip(call.cell.recurrent_gates, columns, strict=True):
        gradient = made[rows, column, :units] * counts[:, None] if len(made) else made.new_zeros(len(last), units)
        before = initial[operands[gate]].detach() if gate in operands else gradient.new_zeros(gradient.shape)
        parts.append(multiply(gradient.t(), before))
    return torch.cat(parts)
