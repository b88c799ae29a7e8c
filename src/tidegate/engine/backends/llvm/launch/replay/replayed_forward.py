"""The forward kernel of a call whose kind was seen before: see `noted_launches.py`."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.argument_layout import Stored
from tidegate.engine.backends.llvm.launch.buffers import empty_like
from tidegate.engine.backends.llvm.launch.cores import threads_to_use
from tidegate.engine.backends.llvm.launch.forward_backward import launch_forward
from tidegate.engine.backends.llvm.launch.replay.noted_launches import Kinds, Replay
from tidegate.engine.backends.llvm.launch.replay.noting import noting
from tidegate.engine.backends.llvm.launch.sizes import Sizes, sizes_of
from tidegate.engine.backends.llvm.launch.threads import can_wait_for_one_another
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import call_with_tensors, tensors_by_name

SHORT = 1 << 25  # multiplications of weights up to which preparing a call is a good part of it
FEW_WEIGHTS = 1 << 20  # numbers, up to which packed weights are kept for each kind of call


class ReplayedForward:
    """A forward kernel that can be run again on other tensors.

    Args:
        call: a call of the kind.
        stored: values to write at every step.
        initial: as in `launch_forward`.
    """

    def __init__(self, call: Call, stored: Stored, *, initial: bool):
        with torch.inference_mode(False), torch.no_grad(), noting() as noted:
            given, own = like_tensors(call)
            sequences, final = launch_forward(own, stored, frozenset(), initial=initial)
        self._names, self._made = tuple(sequences), [*sequences.values(), *final]
        self._replay = Replay(noted, [*given, *self._made])
        self.nbytes = sum(t.nbytes for t in call.weights.matrices()) + sum(t.nbytes for t in self._made)

    def run(self, call: Call) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Run the kernel; returns what `launch_forward` returns."""
        return self.run_on(tensors_of(call))

    def run_on(self, tensors: Sequence[Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Run the kernel on the tensors of `tensors_of`, in their order."""
        made = [empty_like(t) for t in self._made]
        self._replay([*(t.contiguous() for t in tensors), *made])
        count = len(self._names)
        return dict(zip(self._names, made[:count], strict=True)), made[count:]


_KINDS: Kinds[ReplayedForward] = Kinds()


def forward_run(
    call: Call, stored: Stored, zero_past: frozenset[str], *, initial: bool
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Run the forward kernel as `launch_forward` does, prepared only once for all short calls of a kind."""
    kind = kind_of(call, stored, initial)
    one = None if kind is None else _KINDS.take(kind, lambda: ReplayedForward(call, stored, initial=initial))
    if one is None:
        return launch_forward(call, stored, zero_past, initial=initial)
    result = one.run(call)
    _KINDS.give_back(kind, one)
    return result


def tensors_of(call: Call) -> list[Tensor]:
    """Return a call's tensors whose addresses a replay writes."""
    return [*tensors_by_name(call).values(), *([] if call.reset is None else [call.reset])]


def like_tensors(call: Call) -> tuple[list[Tensor], Call]:
    """Return new tensors that can stand for a call's, as `tensors_of` lists them, and the call with these."""
    given = {key: torch.empty(t.shape, dtype=t.dtype) for key, t in tensors_by_name(call).items()}
    how = {"reverse": call.reverse, "mask_gradients": call.mask_gradients, "batch_invariant": call.batch_invariant}
    reset = None if call.reset is None else torch.empty(call.reset.shape, dtype=torch.bool)
    own = call_with_tensors(given, call.cell, reset=reset, **how)
    own = replace(own, weights=replace(own.weights, packed=call.weights.packed))
    return tensors_of(own), own


def kind_of(call: Call, *more: Hashable) -> Hashable | None:
    """Return everything that decides how a call is prepared; None if it has to be prepared each time."""
    sizes = sizes_of(call)
    if (
        call.lengths is not None
        or (call.reset is not None and call.reverse)
        or call.cell.heads > 1
        or sizes.rounds
        or not _is_short(sizes, kept=call.weights.packed is not None)
    ):
        return None
    w, threads = call.weights, threads_to_use()
    together = threads > 1 and can_wait_for_one_another()
    token = None if w.packed is None else w.packed.token
    given = call.reset is None, w.b_ih is None, w.b_hh is None
    return sizes, given, call.mask_gradients, threads, together, token, *more


def _is_short(sizes: Sizes, *, kept: bool) -> bool:
    """Whether preparing a call is a good part of it, and what is prepared is small (or kept anyway)."""
    gates = len(sizes.cell.input_gates), len(sizes.cell.recurrent_gates)
    weights = sizes.hidden * (gates[0] * sizes.inputs + (gates[1] + 1) * sizes.outputs)
    few = kept or weights <= FEW_WEIGHTS
    return few and 0 < sizes.batch * sizes.steps * weights <= SHORT and math.prod(sizes[1:4]) > 0
