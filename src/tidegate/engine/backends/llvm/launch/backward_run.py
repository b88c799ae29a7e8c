"""The backward run: the kernel, then the gradients of weights, input and initial states from what it wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from tidegate.engine.backends.llvm.launch.block_diagonal import add_transposed
from tidegate.engine.backends.llvm.launch.forward_backward import BackwardRun
from tidegate.engine.backends.llvm.launch.replay.replayed_backward import kernel_gradients
from tidegate.engine.backends.llvm.launch.sizes import Sizes, sizes_of
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.backends.llvm.launch.weight_gradients import projection_gradient, weight_gradients
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import W_HR, mask, state
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program import gradient_names
from tidegate.engine.program.adjoint import Adjoint
from tidegate.engine.program.program import program


def backward_run(
    call: Call,
    names: tuple[str, ...],
    back: Adjoint,
    sequences: Mapping[str, Tensor],
    gradients: tuple[Tensor | None, ...],
    wanted: Collection[str],
) -> dict[str, Tensor]:
    """Run the backward kernel and return the gradients by the names of `tensors_by_name`: see `BackwardRun`."""
    sizes, prog = sizes_of(call), back.program
    hidden, valid = sizes.hidden, ValidRows(sizes.steps, sizes.batch, call.lengths)
    run = BackwardRun(call, names, back, sequences, gradients, frozenset(wanted), valid)
    kernel = kernel_gradients(run)
    written, made, by_output, sums, carried, products = kernel
    found = weight_gradients(run, kernel) if products is None else products
    for name, room in sums.items():  # named like the parameters
        found[name] = room[:, :hidden].sum(0)
    places = {prog.gates[name]: k for k, name in enumerate(written)}
    if W_HR in wanted and by_output is not None:
        operand = made[:, places[prog.gates[gradient_names.operand(gradient_names.PROJECT)]]]
        found[W_HR] = projection_gradient(by_output, operand, sizes.outputs, hidden)
    for name in call.masks:
        if mask(name) in wanted:
            gradient = made[:, places[prog.gates[gradient_names.of_mask(name)]], :hidden]
            found[mask(name)] = valid.scatter(gradient.contiguous())
    return found | _state_gradients(call, sizes, carried, wanted)


def _state_gradients(
    call: Call, sizes: Sizes, carried: Mapping[str, Tensor], wanted: Collection[str]
) -> dict[str, Tensor]:
    """Return the gradients of the initial states."""
    found, cell, w_hh = {}, call.cell, call.weights.w_hh
    for name in cell.states:
        if state(name) not in wanted:
            continue
        gradient = carried[gradient_names.of_state(name)][:, : sizes.size(name)]
        rows = () if w_hh is None else w_hh.chunk(len(cell.recurrent_gates))
        operands = state_operands(program(cell))
        for gate, matrix in zip(cell.recurrent_gates, rows, strict=True):
            if operands.get(gate) == name:
                product = carried[gradient_names.carried_product(gate)][:, : sizes.hidden]
                add_transposed(gradient, product, matrix, cell.heads)
        if call.reset is not None and not call.reverse and len(call.reset):
            cut = call.reset[0] if call.lengths is None else call.reset[0] & (call.lengths > 0)
            gradient = gradient.masked_fill(cut[:, None], 0)
        found[state(name)] = gradient
    return found
