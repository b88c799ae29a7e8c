"""What the forward and the backward launch of a call have in common."""

from __future__ import annotations

import torch

from tidegate.engine.backends.triton.emit.products import transposed
from tidegate.engine.backends.triton.kernel_spec import KernelSpec, known
from tidegate.engine.backends.triton.launch.dot_precision import dot_precision
from tidegate.engine.backends.triton.launch.run_kernel import Launch
from tidegate.engine.backends.triton.launch.tiles import tile_for
from tidegate.engine.call import Call
from tidegate.engine.kernels import arguments, call_tensors
from tidegate.engine.kernels.passes import Stored
from tidegate.engine.program.program import Program


def launch_of(call: Call, prog: Program, stored: Stored, *, descending: bool) -> Launch:
    """Return the launch of a Program with the arguments that forward and backward have in common."""
    launch = without_arguments(call, prog, stored, descending=descending)
    given = launch.given
    if call.lengths is not None:
        given[arguments.LENGTHS] = call.lengths.contiguous()
    if call.reset is not None:
        given[arguments.RESET] = call.reset.contiguous().view(torch.uint8)
    ops = {block.op for block in launch.spec.all_blocks}
    gates = len(call.cell.recurrent_gates)
    for name, op, count in ((call_tensors.W_HH, "recur", gates), (call_tensors.W_HR, "project", 1)):
        if op in ops:
            given[name] = getattr(call.weights, name).contiguous()
        if f"{op}_transposed" in ops:
            matrices = getattr(call.weights, name).unflatten(0, (count, -1))
            given[transposed(name)] = matrices.transpose(1, 2).contiguous()
    for name, vector in call.weights.p.items():
        given[arguments.parameter(name)] = vector.contiguous()
    for name, mask in call.masks.items():
        launch.set_over_time(arguments.mask(name), mask)
    return launch


def without_arguments(call: Call, prog: Program, stored: Stored, *, descending: bool) -> Launch:
    """Return the launch of a Program, which says how it is cut into programs."""
    steps, batch, _ = call.x.shape
    outputs = call.state[0].shape[1]
    output = call.cell.states[0] if outputs != call.hidden_size else ""
    spec = KernelSpec(
        prog,
        stored,
        call.cell.recurrent_gates,
        output,
        call.cell.heads,
        descending,
        call.lengths is not None,
        call.reset is not None,
    )
    precision = dot_precision(call.x)
    spec, tile = tile_for(known(spec), batch, call.hidden_size, outputs, precision, call.x)
    sizes = (steps, batch, call.hidden_size, outputs)
    return Launch(known(spec), tile, *sizes, call.x.dtype, call.x.device, precision)
