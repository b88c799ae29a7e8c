"""The forward run of a call."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.engine.backends.triton.launch.biases import set_biases
from tidegate.engine.backends.triton.launch.launch_of_call import launch_of
from tidegate.engine.backends.triton.launch.tuning import tuned
from tidegate.engine.call import Call
from tidegate.engine.kernels.passes import Stored
from tidegate.engine.program.program import program


def launch_forward(call: Call, stored: Stored) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel: return the stored values (T, B, ·) by name, and the final states in float32."""
    launch = launch_of(call, program(call.cell), stored, descending=call.reverse)
    if call.cell.input_gates and call.weights.w_ih is not None:
        parts = (call.x.flatten(0, 1) @ call.weights.w_ih.t()).unflatten(0, call.x.shape[:2])
        launch.set_input_parts(call.cell.input_gates, parts)
    set_biases(launch, call)
    sequences = {}
    for name, k in stored:
        size = launch.outputs if k in launch.spec.small else launch.hidden
        made = call.x.new_empty(*call.x.shape[:2], size, dtype=stored_dtype(call, name))
        sequences[name] = made
        launch.set_out(name, made)
    final = launch.set_states(dict(zip(call.cell.states, call.state, strict=True)))
    tuned(launch).execute()
    return sequences, [final[name] for name in call.cell.states]


def stored_dtype(call: Call, name: str) -> torch.dtype:
    """Return the dtype in which a value of every step is stored: states that are memory keep their digits."""
    return torch.float32 if name in call.cell.states[1:] else call.x.dtype
