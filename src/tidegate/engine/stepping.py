"""Run a cell one step at a time and keep its state in between: for generating text, for sensors, for agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.call import NO_MASKS, Backend, Call, Stepping
from tidegate.engine.dispatch import choose
from tidegate.engine.precision import in_float32, without_autocast
from tidegate.engine.run import checked_call
from tidegate.engine.weights import Weights


def stepping(
    cell: Cell | str,
    x: Tensor,
    weights: Weights,
    state: Sequence[Tensor] | None = None,
    *,
    masks: Mapping[str, Tensor] = NO_MASKS,
    backend: str | Backend | None = None,
) -> Stepping:
    """Run a cell one step at a time, without derivatives.

    Args:
        cell: the cell or its name.
        x: (B, I), an example of the inputs; only its shape, dtype and device matter.
        weights: the layer's weights; it is not defined whether later changes to them are noticed.
        state: initial states, as in `tidegate.engine.run`.
        masks: (B, H) by name, for all steps that pass no others; those in ``cell.mask_defaults`` may be left out.
        backend: as in `tidegate.engine.run`.

    Raises:
        ArgumentError: a shape does not fit.
        BackendError: the backend asked for cannot run this.
    """
    # Memory made in inference mode could not be written to outside of it, when a state is set or reset.
    with torch.inference_mode(False), torch.no_grad(), without_autocast(x.device):
        at_step = {name: mask.detach()[None] for name, mask in masks.items()}
        call = in_float32(checked_call(cell, x.detach()[None], weights, state, masks=at_step))
        chosen = choose(call, backend)
        made = chosen.stepping(call) or _RunStepByStep(call, chosen)
        return made if call.x.dtype == x.dtype else _Rounded(made, call.x.dtype, x.dtype)


class _RunStepByStep:
    """A `Stepping` whose every step is a run of one step."""

    def __init__(self, call: Call, backend: Backend):
        self._call, self._backend = call, backend
        self.state = tuple(s.detach().clone() for s in call.state)

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        given = {**self._call.masks, **{name: mask[None] for name, mask in masks.items()}}
        with torch.inference_mode(False), torch.no_grad(), without_autocast(x.device):
            result = self._backend.run(replace(self._call, x=x[None], state=self.state, masks=given))
        # Copies: two states may be one value, and the output another, but each can be set by itself.
        self.state = tuple(s.clone() for s in result.state)
        return result.output[0]


class _Rounded:
    """A `Stepping` in half precision, whose states are in float32."""

    def __init__(self, stepping: Stepping, inside: torch.dtype, outside: torch.dtype):
        self._stepping, self._inside, self._outside = stepping, inside, outside

    @property
    def state(self) -> Sequence[Tensor]:
        return self._stepping.state

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        given = {name: mask.to(self._inside) for name, mask in masks.items()}
        return self._stepping.step(x.to(self._inside), given).to(self._outside)
