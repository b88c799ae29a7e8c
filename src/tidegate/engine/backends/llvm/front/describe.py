"""Describe how the kernels would run a call: the same decisions, without running one."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.backends.llvm.launch.argument_layout import (
    backward_kernel,
    forward_kernel,
    sequence_shape,
    with_initial_state,
)
from tidegate.engine.backends.llvm.launch.launcher import Launch
from tidegate.engine.backends.llvm.launch.sizes import sizes_of
from tidegate.engine.call import Call
from tidegate.engine.explain.explanation import BackendPlan
from tidegate.engine.explain.kernel_plans import KernelPlan, TiledStagePlan
from tidegate.engine.kernels.passes import adjoint_of, values_to_store
from tidegate.engine.kernels.run_kernels import mask_gradients
from tidegate.engine.kernels.stages import counts


def describe_kernels(call: Call, *, training: bool) -> BackendPlan:
    """Return the kernels of a checked call, and the bytes saved for backward."""
    call = replace(call, mask_gradients=mask_gradients(call))
    sizes, stored = sizes_of(call), values_to_store(call, (), train=training)
    forward = forward_kernel(sizes, stored)
    place = "none" if not call.cell.input_gates else "inside" if forward.fused_input else "outside"
    kernels = [_kernel_plan("forward", forward, call, place)]
    if training:
        backward, _, _ = backward_kernel(sizes, adjoint_of(call, ()).program)
        place = "outside" if call.cell.input_gates and call.x.requires_grad else "none"
        kernels.append(_kernel_plan("backward", backward, call, place))
    initial = with_initial_state(call.cell)
    saved = 0
    for name, _ in stored if training else ():
        shape = sequence_shape(sizes, name, forward.lanes, name in initial)
        saved += math.prod(shape) * (2 if name in forward.rounded else forward.itemsize)
    return BackendPlan(tuple(kernels), saved)


def _kernel_plan(name: str, kernel: KernelSpec, call: Call, place: str) -> KernelPlan:
    steps, batch, _ = call.x.shape
    splits_hidden, parts = Launch(kernel, steps, batch, call.hidden_size, False).divide(torch.get_num_threads())
    stages = tuple(
        TiledStagePlan(
            **counts(stage, kernel.program),
            rows=tile.rows,
            blocks=tile.blocks,
            chains=tile.chains,
        )
        for stage, tile in zip(kernel.stages, kernel.tiles, strict=True)
    )
    shared = "hidden units" if splits_hidden else "rows"
    return KernelPlan(name, place, shared, parts, kernel.lanes, stages, kernel.operands)
