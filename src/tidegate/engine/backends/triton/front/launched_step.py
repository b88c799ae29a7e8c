"""One step at a time, with a kernel's arguments and memory prepared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.backends.triton.launch.biases import set_biases
from tidegate.engine.backends.triton.launch.launch_of_call import launch_of
from tidegate.engine.backends.triton.launch.run_kernel import run_launches
from tidegate.engine.call import NO_MASKS, Call
from tidegate.engine.precision import without_autocast
from tidegate.engine.program.program import program


class LaunchedStep:
    """A `tidegate.engine.Stepping` on Triton's kernels: a product with the input, and a launch for each stage.

    With a launch for each stage no program waits for another, so no counter has to be set to zero before a step. The
    states are changed in place; those that programs read of one another are copied before, so that writing to
    a state sets it. All memory but the output's stays the same: a step can be captured in a CUDA graph.

    Args:
        call: a call of one step.
    """

    def __init__(self, call: Call):
        cell, prog, batch = call.cell, program(call.cell), call.x.shape[1]
        self._default_masks = call.masks
        self._masks = {name: mask.clone(memory_format=torch.contiguous_format) for name, mask in call.masks.items()}
        call = replace(call, masks=self._masks)
        launch = launch_of(call, prog, ((cell.states[0], prog.states[cell.states[0]]),), descending=False)
        set_biases(launch, call)
        self._factor: Tensor | None = None
        if cell.input_gates and call.weights.w_ih is not None:
            self._factor = call.weights.w_ih.t()
            self._parts = call.x.new_empty(batch, self._factor.shape[1])
            launch.set_input_parts(cell.input_gates, self._parts)
        self._output = call.x.new_empty(1, batch, launch.outputs)
        launch.set_out(cell.states[0], self._output)
        self.state = tuple(launch.set_states(dict(zip(cell.states, call.state, strict=True))).values())
        memory = launch.memory(apart=True)
        self._shared = launch.shared_states(memory, apart=True)
        self._launches = [*launch.launches(apart=True, memory=memory)]

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        """Run one more step on x (B, I), contiguous and of the weights' dtype, and return the output."""
        with torch.inference_mode(False), torch.no_grad(), without_autocast(x.device):
            self._set_masks(masks)
            if self._factor is not None:
                torch.mm(x, self._factor, out=self._parts)
            for place, state in self._shared:
                place.copy_(state)
            output = torch.empty_like(self._output)
            run_launches((launch.instead(self._output, output) for launch in self._launches), x.device)
            if masks:  # a step that is captured later reads them where they are
                self._set_masks(self._default_masks)
        return output[0]

    def _set_masks(self, masks: Mapping[str, Tensor]) -> None:
        for name, mask in masks.items():
            self._masks[name].copy_(mask)
