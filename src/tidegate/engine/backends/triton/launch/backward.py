"""The backward run of a call, and the gradients of its initial states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.backends.triton.launch.launch_of_call import launch_of
from tidegate.engine.backends.triton.launch.products_by_head import times
from tidegate.engine.backends.triton.launch.tuning import tuned
from tidegate.engine.backends.triton.launch.weight_gradients import weight_gradients
from tidegate.engine.call import Call
from tidegate.engine.kernels import arguments, call_tensors
from tidegate.engine.kernels.stages import state_operands
from tidegate.engine.program import gradient_names
from tidegate.engine.program.adjoint import Adjoint
from tidegate.engine.program.program import Program, program


def launch_backward(
    call: Call,
    names: tuple[str, ...],
    back: Adjoint,
    sequences: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    wanted: set[str],
) -> dict[str, Tensor]:
    """Run the backward kernel and return the gradients by the names of `tensors_by_name`."""
    prog, cell = back.program, call.cell
    stored = stored_gradients(prog, cell.input_gates)
    if call.reset is not None and call.reverse and len(call.reset):
        # The run ended at step 0: a flag there has no effect, although the backward run begins with it.
        call = replace(call, reset=torch.cat([torch.zeros_like(call.reset[:1]), call.reset[1:]]))
    launch = launch_of(call, prog, tuple((name, prog.gates[name]) for name in stored), descending=not call.reverse)
    steps, batch, _ = call.x.shape
    made = call.x.new_empty(steps, batch, len(stored), launch.hidden)
    of_gradient = {}
    for k, name in enumerate(stored):
        small = prog.gates[name] in launch.spec.small
        of_gradient[name] = call.x.new_empty(steps, batch, launch.outputs) if small else made[:, :, k]
        launch.set_out(name, of_gradient[name])
    for name in back.saved:
        launch.given[arguments.saved(name)] = sequences[name]
    for name in cell.states:
        if name in sequences:
            launch.given[arguments.sequence(name)] = sequences[name]
    for name, value in zip(cell.states, call.state, strict=True):
        launch.given[arguments.initial(name)] = value.contiguous()
    count = len(cell.states)
    for name, gradient in zip((cell.states[0], *names), (gradients[0], *gradients[1 + count :]), strict=True):
        size = launch.outputs if name == cell.states[0] else launch.hidden
        over_time = call.x.new_zeros(size).expand(steps, batch, size) if gradient is None else gradient
        launch.set_over_time(arguments.cotangent(name), over_time)
    sums = dict(zip(prog.sums, launch.zeros(len(prog.sums), launch.hidden), strict=True))
    launch.given |= {arguments.total(name): total for name, total in sums.items()}
    of_final = {
        gradient_names.of_state(name): gradient
        for name, gradient in zip(cell.states, gradients[1 : 1 + count], strict=True)
    }
    carried = launch.set_states({name: of_final.get(name) for name in prog.states})
    tuned(launch).execute()
    found = weight_gradients(call, sequences, prog, stored, made, of_gradient, wanted)
    for name, total in sums.items():  # named like the parameters
        found[name] = total.sum(0)
    return found | _state_gradients(call, carried, wanted)


def stored_gradients(prog: Program, inputs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the gradients to be written: first those of input parts, then others that are not the same values."""
    names = [gradient_names.of_input_part(gate) for gate in inputs]
    known = {prog.gates[name] for name in names}
    for name, k in prog.gates.items():
        if name not in names and k not in known:
            names.append(name)
            known.add(k)
    return tuple(names)


def _state_gradients(call: Call, carried: Mapping[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Return the gradients of the initial states."""
    found, cell, w_hh = {}, call.cell, call.weights.w_hh
    operands = state_operands(program(cell))
    for name in cell.states:
        if call_tensors.state(name) not in wanted:
            continue
        gradient = carried[gradient_names.of_state(name)]
        rows = () if w_hh is None else w_hh.chunk(len(cell.recurrent_gates))
        for gate, matrix in zip(cell.recurrent_gates, rows, strict=True):
            if operands.get(gate) == name:
                product = carried[gradient_names.carried_product(gate)].to(matrix.dtype)
                gradient = gradient + times(product, matrix, cell.heads).float()
        if call.reset is not None and not call.reverse and len(call.reset):
            cut = call.reset[0] if call.lengths is None else call.reset[0] & (call.lengths > 0)
            gradient = gradient.masked_fill(cut[:, None], 0)
        found[call_tensors.state(name)] = gradient
    return found
