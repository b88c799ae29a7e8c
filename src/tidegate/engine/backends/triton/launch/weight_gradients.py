"""Gradients of the weights and of the input: large products after the backward loop."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tidegate.engine.backends.triton.launch.products_by_head import outer
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import B_HH, B_IH, W_HH, W_HR, W_IH, X, mask
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program import gradient_names
from tidegate.engine.program.program import Program, program


def weight_gradients(
    call: Call,
    sequences: Mapping[str, Tensor],
    prog: Program,
    stored: tuple[str, ...],
    made: Tensor,
    of_gradient: Mapping[str, Tensor],
    wanted: set[str],
) -> dict[str, Tensor]:
    """Return the gradients of x, matrices, biases and masks.

    Args:
        call: the forward call.
        sequences: the values that it stored.
        prog: the backward Program, in which several names may be one value.
        stored: the names of the gradients that the kernel wrote.
        made: those of the size of the hidden units side by side, (T, B, gradients, H); zero past the lengths.
        of_gradient: each by name, (T, B, ·).
        wanted: which gradients are needed.
    """
    cell, weights, found = call.cell, call.weights, {}
    places = {prog.gates[name]: k for k, name in reversed(list(enumerate(stored)))}

    def gradient_of(name: str) -> Tensor:
        return of_gradient[stored[places[prog.gates[name]]]]

    if count := len(cell.input_gates):
        by_input = made[:, :, :count].flatten(0, 1).flatten(1)
        if X in wanted and weights.w_ih is not None:
            found[X] = (by_input @ weights.w_ih).view_as(call.x)
        if W_IH in wanted:
            found[W_IH] = by_input.t() @ _valid(call, call.x).flatten(0, 1)
        if B_IH in wanted:
            found[B_IH] = by_input.sum(0, dtype=torch.float32)
    if cell.recurrent_gates and wanted & {W_HH, B_HH}:
        products = [gradient_names.of_product(gate) for gate in cell.recurrent_gates]
        columns = [gradient_of(name).flatten(0, 1) for name in products]
        if B_HH in wanted:
            found[B_HH] = torch.cat([column.sum(0, dtype=torch.float32) for column in columns])
        if W_HH in wanted:
            operands = state_operands(program(cell))
            before = {name: states_before(call, sequences[name], name).flatten(0, 1) for name in {*operands.values()}}
            rows = []
            for gate, name, column in zip(cell.recurrent_gates, products, columns, strict=True):
                operand = before.get(operands.get(gate, ""))
                if operand is None:
                    operand = gradient_of(gradient_names.operand(name)).flatten(0, 1)
                rows.append(outer(column, operand.to(column.dtype), cell.heads))
            found[W_HH] = torch.cat(rows)
    if W_HR in wanted:
        operand = gradient_of(gradient_names.operand(gradient_names.PROJECT))
        found[W_HR] = gradient_of(gradient_names.PROJECT).flatten(0, 1).t() @ operand.flatten(0, 1)
    for name in call.masks:
        if mask(name) in wanted:
            found[mask(name)] = gradient_of(gradient_names.of_mask(name))
    return found


def states_before(call: Call, sequence: Tensor, name: str) -> Tensor:
    """Return a state before each step, (T, B, ·): the initial state first, zero where a new sequence begins."""
    initial = call.state[call.cell.states.index(name)].detach().to(sequence.dtype)[None]
    if not len(sequence):
        return sequence
    if not call.reverse:
        before = torch.cat([initial, sequence[:-1]])
        return before if call.reset is None else before.masked_fill(call.reset[:, :, None], 0)
    before = torch.cat([sequence[1:], initial])
    if call.lengths is not None:
        last = torch.arange(len(sequence), device=sequence.device)[:, None] + 1 == call.lengths
        before = torch.where(last[:, :, None], initial, before)
    if call.reset is not None:
        cut = torch.cat([call.reset[1:], torch.zeros_like(call.reset[:1])])
        if call.lengths is not None:
            cut = cut & (torch.arange(len(cut), device=cut.device)[:, None] + 1 < call.lengths)
        before = before.masked_fill(cut[:, :, None], 0)
    return before


def _valid(call: Call, x: Tensor) -> Tensor:
    """Return the input with zeros past the lengths, where it may hold anything."""
    if call.lengths is None:
        return x
    valid = torch.arange(len(x), device=x.device)[:, None] < call.lengths
    return x.where(valid[:, :, None], 0)
