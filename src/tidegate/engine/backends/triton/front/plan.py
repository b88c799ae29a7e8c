"""Say how the kernels would run a call: the same decisions, without running one."""

from __future__ import annotations

import math
from dataclasses import replace

from tidegate.engine.backends.triton.launch.backward import stored_gradients
from tidegate.engine.backends.triton.launch.forward import stored_dtype
from tidegate.engine.backends.triton.launch.launch_of_call import without_arguments
from tidegate.engine.backends.triton.launch.run_kernel import Launch
from tidegate.engine.backends.triton.launch.tuning import as_tuned
from tidegate.engine.call import Call
from tidegate.engine.explain.explanation import BackendPlan
from tidegate.engine.explain.kernel_plans import GPUKernelPlan, StagePlan
from tidegate.engine.kernels.passes import adjoint_of, values_to_store
from tidegate.engine.kernels.run_kernels import mask_gradients
from tidegate.engine.kernels.stages import counts
from tidegate.engine.program.program import program


def plan_of(call: Call, *, training: bool) -> BackendPlan:
    """Return the kernels of a checked call, and the bytes saved for backward."""
    call = replace(call, mask_gradients=mask_gradients(call))
    inputs, stored = call.cell.input_gates, values_to_store(call, (), train=training)
    forward = as_tuned(without_arguments(call, program(call.cell), stored, descending=call.reverse))
    kernels = [_kernel_plan("forward", "outside" if inputs else "none", forward)]
    if not training:
        return BackendPlan(tuple(kernels), 0)
    prog = adjoint_of(call, ()).program
    gradients = tuple((name, prog.gates[name]) for name in stored_gradients(prog, inputs))
    backward = as_tuned(without_arguments(call, prog, gradients, descending=not call.reverse))
    kernels.append(_kernel_plan("backward", "outside" if inputs and call.x.requires_grad else "none", backward))
    sizes = {True: forward.outputs, False: forward.hidden}
    numbers = [sizes[k in forward.spec.small] * stored_dtype(call, name).itemsize for name, k in stored]
    return BackendPlan(tuple(kernels), math.prod(call.x.shape[:2]) * sum(numbers))


def _kernel_plan(name: str, place: str, launch: Launch) -> GPUKernelPlan:
    spec = launch.spec
    stages = tuple(StagePlan(**counts(stage, spec.program)) for stage in spec.stages)
    weights = "" if not spec.all_blocks else "in registers" if spec.resident else "in pieces"
    return GPUKernelPlan(
        name,
        place,
        launch.tile.units,
        launch.tile.rows,
        launch.programs,
        launches=-(-launch.programs[1] // max(1, launch.at_once)),
        waits=spec.waits if launch.waits else 0,
        weights=weights,
        stages=stages,
    )
