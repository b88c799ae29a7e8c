"""How the kernels would run a call: the same decisions, without a kernel."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from tidegate.engine.backends.llvm.front.autograd import adjoint_of, stored
from tidegate.engine.backends.llvm.front.entry import mask_gradients
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.launcher import Launch
from tidegate.engine.backends.llvm.launch.layouts import (
    backward_kernel,
    forward_kernel,
    sequence_shape,
    sizes_of,
    with_initial_state,
)
from tidegate.engine.call import Call
from tidegate.engine.explain.explanation import BackendPlan, KernelPlan, StagePlan


def described(call: Call, *, training: bool) -> BackendPlan:
    """The kernels of a checked call, and what is kept for backward."""
    call = replace(call, mask_gradients=mask_gradients(call))
    sizes, sequences = sizes_of(call), stored(call, (), train=training)
    forward = forward_kernel(sizes, sequences)
    place = "none" if not call.cell.input_gates else "inside" if forward.fused_input else "outside"
    kernels = [_kernel("forward", forward, call, place)]
    if training:
        backward, _, _ = backward_kernel(sizes, adjoint_of(call, ()).program)
        place = "outside" if call.cell.input_gates and call.x.requires_grad else "none"
        kernels.append(_kernel("backward", backward, call, place))
    initial = with_initial_state(call.cell)
    shapes = [sequence_shape(sizes, name, forward.lanes, name in initial) for name, _ in sequences]
    numbers = sum(map(math.prod, shapes))
    return BackendPlan(tuple(kernels), numbers * (8 if forward.double else 4) if training else 0)


def _kernel(name: str, kernel: KernelSpec, call: Call, place: str) -> KernelPlan:
    steps, batch, _ = call.x.shape
    launch = Launch(kernel, steps, batch, call.weights.hidden_size(call.cell), descending=False)
    sharing, parts = launch.split(torch.get_num_threads())
    stages = tuple(
        StagePlan(
            products=sum(len(stream.products) for stream in stage.streams),
            accumulators=len(stage.accumulators),
            means=len(stage.means),
            pointwise=sum(bool(kernel.program.values[k].args) for k in stage.values),
            rows=tile.rows,
            blocks=tile.blocks,
            chains=tile.chains,
        )
        for stage, tile in zip(kernel.stages, kernel.tiles, strict=True)
    )
    return KernelPlan(name, place, "units" if sharing else "rows", parts, kernel.lanes, stages)
