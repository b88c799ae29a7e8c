"""Gradients of the weights and of the input: large products after the backward loop."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

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

    count = len(cell.input_gates)
    products = [places[prog.gates[gradient_names.of_product(gate)]] for gate in cell.recurrent_gates]
    if count:
        by_input = _columns(made, 0, count)
        if X in wanted and weights.w_ih is not None:
            found[X] = (by_input @ weights.w_ih).view_as(call.x)
        if W_IH in wanted:
            found[W_IH] = by_input.t() @ _valid(call, call.x).flatten(0, 1)
    if wanted & {B_IH, B_HH}:
        end = 1 + max((count - 1, *products))
        sums = _columns(made, 0, end).sum(0, dtype=torch.float32).to(made.dtype).view(end, -1)
        if B_IH in wanted:
            found[B_IH] = sums[:count].flatten()
        if B_HH in wanted:  # copied: two parameters' gradients must not be the same memory
            own = [sums[near[0] : near[-1] + 1] for near in _side_by_side(products, [""] * len(products))]
            found[B_HH] = torch.cat(own).flatten()
    if W_HH in wanted:
        operands = state_operands(program(cell))
        before = {name: states_before(call, sequences[name], name).flatten(0, 1) for name in {*operands.values()}}
        # A gate's product is with a state, or with a vector of its own. Blocks of heads are multiplied gate by gate.
        of_gate = [gate if cell.heads > 1 else operands.get(gate, gate) for gate in cell.recurrent_gates]
        gates, rows = iter(cell.recurrent_gates), []
        for near in _side_by_side(products, of_gate):
            gate, *_ = itertools.islice(gates, len(near))
            operand = before.get(operands.get(gate, ""))
            if operand is None:
                operand = gradient_of(gradient_names.operand(gradient_names.of_product(gate))).flatten(0, 1)
            rows.append(outer(_columns(made, near[0], len(near)), operand.to(made.dtype), cell.heads))
        found[W_HH] = torch.cat(rows) if len(rows) > 1 else rows[0]
    if W_HR in wanted:
        operand = gradient_of(gradient_names.operand(gradient_names.PROJECT))
        found[W_HR] = gradient_of(gradient_names.PROJECT).flatten(0, 1).t() @ operand.flatten(0, 1)
    for name in call.masks:
        if mask(name) in wanted:
            found[mask(name)] = gradient_of(gradient_names.of_mask(name))
    return found


def _columns(made: Tensor, first: int, count: int) -> Tensor:
    """Return some gradients side by side, (T * B, count * H)."""
    return made[:, :, first : first + count].flatten(0, 1).flatten(1)


def _side_by_side(places: Sequence[int], kinds: Sequence[str]) -> list[list[int]]:
    """Cut a list of places into lists of neighbours of one kind."""
    found: list[list[int]] = []
    for k, (place, kind) in enumerate(zip(places, kinds, strict=True)):
        if k and place == places[k - 1] + 1 and kind == kinds[k - 1]:
            found[-1].append(place)
        else:
            found.append([place])
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
