"""Run a cell one step at a time and keep its state in between: for generating text, for sensors, for agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.call import NO_MASKS, Backend, Call, Stepping
from tidegate.engine.dispatch import choose
from tidegate.engine.precision import as_computed, in_float32, without_autocast
from tidegate.engine.run import checked_call
from tidegate.engine.weights import Weights
from tidegate.errors import BackendError


def stepping(
    cell: Cell | str,
    x: Tensor,
    weights: Weights,
    state: Sequence[Tensor] | None = None,
    *,
    masks: Mapping[str, Tensor] = NO_MASKS,
    backend: str | Backend | None = None,
    int8: bool = False,
) -> Stepping:
    """Run a cell one step at a time, without derivatives.

    Args:
        cell: the cell or its name.
        x: (B, I), an example of the inputs; only its shape, dtype and device matter.
        weights: the layer's weights; it is not defined whether later changes to them are noticed.
        state: initial states, as in `tidegate.engine.run`.
        masks: (B, H) by name, for all steps that pass no others; those in ``cell.mask_defaults`` may be left out.
        backend: as in `tidegate.engine.run`.
        int8: round the matrices of the weights to int8, row by row; input, states and sums are as without. Only the
            CPU kernels do this.

    Raises:
        ArgumentError: a shape does not fit, or weights to be rounded are not finite.
        BackendError: the backend asked for cannot run this.
    """
    # Memory made in inference mode could not be written to outside of it, when a state is set or reset.
    with torch.inference_mode(False), torch.no_grad(), without_autocast(x.device):
        at_step = {name: mask.detach()[None] for name, mask in masks.items()}
        given = checked_call(cell, x.detach()[None], weights, state, masks=at_step)
        call = in_float32(given)
        chosen = choose(call, "llvm" if int8 and backend is None else backend)
        if chosen.multiplies_bfloat16() and not int8:
            call = as_computed(given, chosen, asked=True)
        made = _in_int8(call, chosen) if int8 else chosen.stepping(call)
        made = made or _RunStepByStep(chosen.laid_out(call), chosen)
        return made if call.x.dtype == x.dtype else _Rounded(made, call.x.dtype, x.dtype)


def _in_int8(call: Call, chosen: Backend) -> Stepping:
    if made := chosen.stepping_in_int8(call):
        return made
    raise BackendError(
        f"Backend {chosen.name!r} has no steps with weights in int8; the CPU kernels, 'llvm', have them."
    )


class _RunStepByStep:
    """A `Stepping` whose every step is a run of one step.

    The states stay in the same memory, so that a step can be captured in a CUDA graph and replayed.
    """

    def __init__(self, call: Call, backend: Backend):
        self._call, self._backend = call, backend
        self.state = tuple(s.detach().clone() for s in call.state)

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        given = {**self._call.masks, **{name: mask[None] for name, mask in masks.items()}}
        with torch.inference_mode(False), torch.no_grad(), without_autocast(x.device):
            result = self._backend.run(replace(self._call, x=x[None], state=self.state, masks=given))
            # All are out of the states' memory before one is written: a cell may hand a state on as another.
            output, *new = (self._apart(value) for value in (result.output[0], *result.state))
            for own, value in zip(self.state, new, strict=True):
                own.copy_(value)
        return output

    def _apart(self, value: Tensor) -> Tensor:
        """Return a value that shares no memory with the states."""
        address = value.untyped_storage().data_ptr()
        return value.clone() if any(s.untyped_storage().data_ptr() == address for s in self.state) else value


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
