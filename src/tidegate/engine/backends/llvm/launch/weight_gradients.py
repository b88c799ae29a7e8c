"""Gradients of the weights: one large product each, after the backward loop."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.launch.block_diagonal import outer
from tidegate.engine.backends.llvm.launch.buffers import empty, summed, zeros
from tidegate.engine.backends.llvm.launch.forward_backward import BackwardRun, Gradients
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.backends.llvm.launch.replay.noting import launches
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import B_HH, B_IH, W_HH, W_IH, X
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program import gradient_names
from tidegate.engine.program.program import Program, program


def weight_gradients(run: BackwardRun, kernel: Gradients) -> dict[str, Tensor]:
    """Return the gradients of x, the matrices and the biases by the names of `tensors_by_name`.

    Args:
        run: the backward run. What it has of the operands of recurrent products is (T + 1, B, padded), with the initial
            state before the first step.
        kernel: what its kernel wrote. Several names of gradients may be one value.
    """
    call, sequences, wanted, rows, prog = run.call, run.sequences, run.wanted, run.valid, run.back.program
    gradients, made, cell, x, hidden = kernel.names, kernel.made, call.cell, call.x, call.hidden_size
    found: dict[str, Tensor] = {}
    by_input = list(range(len(cell.input_gates)))
    if X in wanted and call.weights.w_ih is not None:
        found[X] = rows.scatter(_times_matrix(made, by_input, call.weights.w_ih, hidden))
    places = {prog.gates[name]: k for k, name in reversed(list(enumerate(gradients)))}
    columns = [places[prog.gates[gradient_names.of_product(gate)]] for gate in cell.recurrent_gates]
    groups = []
    if W_HH in wanted and columns:
        groups = _by_operand(call, sequences, made, rows, places, prog, columns, hidden)
    if W_IH in wanted and by_input:
        operand = rows.select(x)
        if cell.heads == 1 and [own for own, _ in groups] == [by_input] and _narrow(operand, groups[0][1]):
            # Both matrices multiply the same gradients, which are far more numbers than the operands: read them once.
            both = torch.cat([operand, groups[0][1]], 1)
            matrix, found[B_IH] = _times_operands(made, [(by_input, both)], hidden)
            found[W_IH], found[W_HH] = matrix[:, : x.shape[2]].contiguous(), matrix[:, x.shape[2] :].contiguous()
            found[B_HH] = found[B_IH].clone()
        else:
            found[W_IH], found[B_IH] = _times_operands(made, [(by_input, operand)], hidden)
    elif B_IH in wanted and by_input:
        found[B_IH] = _columns(made, by_input, hidden).sum(0, dtype=call.state[0].dtype)
    if groups and W_HH not in found:
        multiply_all = _times_operands if cell.heads == 1 else functools.partial(_times_operands_by_head, cell.heads)
        found[W_HH], found[B_HH] = multiply_all(made, groups, hidden)
    elif B_HH in wanted and columns and B_HH not in found:
        found[B_HH] = _columns(made, columns, hidden).sum(0, dtype=call.state[0].dtype)
    if groups and call.reverse and rows.places is not None and len(x):
        found[W_HH] += _first_steps(call, made, rows.places, columns, hidden)
    return found


def _narrow(*operands: Tensor) -> bool:
    """Whether the product with operands side by side takes no more tiles' columns than a product with each."""
    lanes = instruction_set().vector_bytes // summed(operands[0]).element_size()
    return sum(operand.shape[1] for operand in operands) <= 4 * lanes


def projection_gradient(by_output: Tensor, operand: Tensor, outputs: int, hidden: int) -> Tensor:
    """Return the gradient of W_hr, given that of the projected output and the operand, each (rows, padded)."""
    return multiply(by_output[:, :outputs].contiguous().t(), operand[:, :hidden].contiguous())


def _columns(made: Tensor, places: list[int], hidden: int) -> Tensor:
    """Return some gradients side by side, (rows, places * H), without a copy if they are adjacent."""
    rows, count, wide = made.shape
    if wide == hidden and places == list(range(places[0], places[0] + len(places))):
        return made.view(rows, count * wide)[:, places[0] * wide : (places[-1] + 1) * wide]
    return made[:, places, :hidden].reshape(rows, len(places) * hidden)


def _times_matrix(made: Tensor, places: list[int], matrix: Tensor, hidden: int) -> Tensor:
    """Multiply some gradients by a matrix (places * H, ·): the gradient of the matrix's operand, (rows, ·)."""
    if made.shape[2] == hidden:
        return multiply(_columns(made, places, hidden), matrix)
    # The padding may hold anything, so one gradient after the other.
    out = empty((len(made), matrix.shape[1]), summed(made))
    for k, (place, own) in enumerate(zip(places, matrix.chunk(len(places)), strict=True)):
        multiply(made[:, place, :hidden], own, out, add=k > 0)
    return out


def _times_operands(made: Tensor, groups: Sequence[tuple[list[int], Tensor]], hidden: int) -> tuple[Tensor, Tensor]:
    """Multiply gradients by operands: return the gradient of a matrix, and the sums, the gradient of a bias.

    Args:
        made: the gradients, (rows, gradients, padded).
        groups: places of some gradients, and the operand (rows, ·) of their products; the matrix has their rows, group
            by group.
        hidden: H.
    """
    rows, count, wide = made.shape
    total = hidden * sum(len(places) for places, _ in groups)
    full = summed(made)
    matrix, sums = empty((total, groups[0][1].shape[1]), full), zeros(total, full)
    start = 0
    for places, operand in groups:
        end = start + hidden * len(places)
        out, own = matrix[start:end], sums[start:end]
        side_by_side = places == list(range(places[0], places[0] + len(places)))
        if wide == hidden or not side_by_side:
            multiply(_columns(made, places, hidden).t(), operand, out, sums=own)
        elif launches() is not None:
            # Launches cost little where they are noted, copies could not be: the same product gate by gate.
            for place, rows_out, sums_out in zip(places, out.split(hidden), own.split(hidden), strict=True):
                multiply(made[:, place, :hidden].t(), operand, rows_out, sums=sums_out)
        else:
            # With the padding, whose results are dropped: this needs no copy of all rows.
            by_slot = made.view(rows, count * wide)[:, places[0] * wide : (places[-1] + 1) * wide]
            padded = zeros(by_slot.shape[1], full)
            out.view(len(places), hidden, -1)[:] = multiply(by_slot.t(), operand, sums=padded).unflatten(0, (-1, wide))[
                :, :hidden
            ]
            own.view(-1, hidden)[:] = padded.view(-1, wide)[:, :hidden]
        start = end
    return matrix, sums


def _times_operands_by_head(
    heads: int, made: Tensor, groups: Sequence[tuple[list[int], Tensor]], hidden: int
) -> tuple[Tensor, Tensor]:
    """Return what `_times_operands` does, for block-diagonal matrices, (·, H / heads)."""
    places = [(place, operand) for group, operand in groups for place in group]
    sums = zeros(len(places) * hidden, summed(made))
    columns = [_columns(made, [place], hidden) for place, _ in places]
    parts = zip(columns, places, sums.chunk(len(places)), strict=True)
    return torch.cat([outer(column, operand, heads, own) for column, (_, operand), own in parts]), sums


def _by_operand(
    call: Call,
    sequences: Mapping[str, Tensor],
    made: Tensor,
    rows: ValidRows,
    places: dict[int, int],
    prog: Program,
    columns: list[int],
    hidden: int,
) -> list[tuple[list[int], Tensor]]:
    """Group adjacent recurrent gates by the operand of their products."""
    operands = state_operands(program(call.cell))
    sizes = {name: state.shape[1] for name, state in zip(call.cell.states, call.state, strict=True)}
    previous = {name: rows.select(_before(call, sequences[name])[..., : sizes[name]]) for name in {*operands.values()}}
    groups: list[tuple[list[int], Tensor]] = []
    direct: list[int] = []
    of = ""
    for gate, column in zip(call.cell.recurrent_gates, columns, strict=True):
        if gate not in operands:
            operand_name = gradient_names.operand(gradient_names.of_product(gate))
            groups.append(([column], _columns(made, [places[prog.gates[operand_name]]], hidden)))
            direct = []
        elif direct and column == direct[-1] + 1 and operands[gate] == of:
            direct.append(column)
        else:
            direct, of = [column], operands[gate]
            groups.append((direct, previous[of]))
    return groups


def _before(call: Call, sequence: Tensor) -> Tensor:
    """Return a state before each step, zero where a new sequence begins."""
    steps = call.x.shape[0]
    before = sequence[1:] if call.reverse else sequence[:steps]
    if call.reset is None:
        return before
    if not call.reverse:
        return before.masked_fill(call.reset[:, :, None], 0)
    cut = torch.zeros_like(call.reset)
    cut[:-1] = call.reset[1:]
    return before.masked_fill(cut[:, :, None], 0)


def _first_steps(call: Call, made: Tensor, places: Tensor, columns: list[int], hidden: int) -> Tensor:
    """Return what the first steps of a reversed run add to the gradient of the matrix of recurrent products.

    A reversed run begins at each sequence's last valid step; after it the stored state is zero, not the initial state.
    """
    assert call.lengths is not None
    initial = dict(zip(call.cell.states, call.state, strict=True))
    operands = state_operands(program(call.cell))
    last = (call.lengths - 1).clamp(min=0)
    rows = places[last, torch.arange(len(last))].clamp(min=0)
    # If the last valid step is step T-1, the initial state was counted with the others.
    counts = (call.lengths > 0) & (call.lengths < call.x.shape[0])
    parts = []
    for gate, column in zip(call.cell.recurrent_gates, columns, strict=True):
        gradient = made[rows, column, :hidden] * counts[:, None] if len(made) else made.new_zeros(len(last), hidden)
        before = initial[operands[gate]].detach() if gate in operands else gradient.new_zeros(gradient.shape)
        parts.append(outer(gradient, before, call.cell.heads))
    return torch.cat(parts)
