"""All layers and directions of a module, for inputs of a kind that has passed every check before.

Checking a call's arguments and choosing a backend take some 35 µs, as long as a few steps of a small layer. Both depend
on shapes, dtypes and settings only, so a call of the same kind as an earlier one need not repeat them.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from tidegate.engine import Backend, Call
from tidegate.engine.dispatch import choose
from tidegate.nn.interop.per_sample import has_expanded_weights
from tidegate.nn.stack import Outcome, calls_at_once, through_layers
from tidegate.nn.stepping.prepared_stack import KeptLayers, as_hx, comes_again


class RemembersKinds:
    """What `tidegate.nn.Layered` has for calls of the same kind as an earlier one."""

    _kinds: _Kinds | None = None

    def _checked_run(self, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        """Run a call whose states `plain_states` returned, if its kind was checked before; None to have it checked."""
        if has_expanded_weights(cast(nn.Module, self)):
            return None
        kinds = self._kinds = self._kinds or _Kinds()
        return kinds.run(cast(KeptLayers, self), input, states)


class _Kinds:
    """The kinds of call that a module has had. A copy begins with none."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, CheckedStack | None] = {}

    def __reduce__(self) -> tuple[type[_Kinds], tuple[()]]:
        return _Kinds, ()

    def run(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        key = input.shape, input.dtype, tuple([s.shape for s in states]), module.training
        if not comes_again(self._seen, key):
            return None
        made = self._seen[key]
        if made is None or made.settings != settings(module):
            made = self._seen[key] = CheckedStack(module, input, states)
        return made(module, input, states)


def settings(module: KeptLayers) -> tuple[Any, ...]:
    """Return what decides, besides the input and the weights, how a module's calls are checked and run."""
    cells = module.cell, *module.layer_cells.items()
    return (*cells, module.backend, module.batch_first, module.dropout, module.recompute, module.num_layers)


class _Row(NamedTuple):
    """What is known of the calls of one layer and direction."""

    backend: Backend
    call: Call
    shapes: tuple[torch.Size, ...]


class CheckedStack:
    """A module's call on inputs of one shape, without lengths, resets and masks.

    Args:
        module: the module.
        input: an example of the inputs.
        states: the initial states of the example; none for zeros.

    Attributes:
        settings: those that the module had.
    """

    def __init__(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]):
        self.settings = settings(module)
        self._rows: Sequence[_Row] = ()
        between = module.dropout and module.training and module.num_layers > 1
        # To make masks may draw random numbers, which would change those that follow.
        places = itertools.product(range(module.num_layers), range(1 + module.bidirectional))
        masks = any(module.layer_cell(*place).masks for place in places)
        if between or masks or module.recompute:
            return
        with torch.inference_mode(False), torch.no_grad():  # what is kept has to serve training too
            x, *own = (torch.zeros((), dtype=t.dtype).expand(t.shape) for t in (input, *states))
            given = module._checked_input(x, as_hx(own), None, None, None)
            self._layout = given.layout
            calls = [*calls_at_once(module, given, None)]
        starts_at_zero = bool(states) or module.initial_state(given.x.shape[1]) is None
        chosen = [choose(call, module.backend) for call in calls]
        if starts_at_zero and not any(backend.runs_stacks for backend in chosen):
            self._rows = tuple([_row(call, backend) for call, backend in zip(calls, chosen, strict=True)])

    def __call__(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        """Run it; None if `forward` has to, because something about it is unusual."""
        if not self._rows:
            return None
        rows, directions = self._rows, 1 + module.bidirectional

        def run(row: int, x: Tensor, own: Sequence[Tensor] | None) -> Outcome | None:
            backend, like, shapes = rows[row]
            weights = module.layer_weights(*divmod(row, directions))
            if not _are_plain(weights.tensors(), shapes, x.dtype):
                return None
            weights, state = weights.with_vectors(like.cell), like.state if own is None else tuple(own)
            made = backend.run(Call(like.cell, x, weights, state, reverse=like.reverse, oracle=like.oracle))
            return made.output, made.state

        made = through_layers(module, input.transpose(0, 1) if module.batch_first else input, states, run)
        if made is None:
            return None
        return self._layout.output(made[0]), as_hx(made[1])


def _row(call: Call, backend: Backend) -> _Row:
    """Remember a call by its sizes: it keeps neither the input nor the weights."""
    shapes = tuple([t.shape for t in call.weights.tensors()])
    like = call.weights.map(lambda t: torch.zeros((), dtype=t.dtype).expand(t.shape))
    return _Row(backend, replace(call, x=call.x[:0], weights=like), shapes)


def _are_plain(weights: Sequence[Tensor], shapes: tuple[torch.Size, ...], dtype: torch.dtype) -> bool:
    """Whether weights are tensors of these shapes in the CPU's memory: not what computes or stands for them."""
    if len(weights) != len(shapes):
        return False
    for t, shape in zip(weights, shapes, strict=True):
        plain = type(t) is nn.Parameter or type(t) is Tensor
        if not plain or t.shape != shape or t.dtype is not dtype or not t.is_cpu:
            return False
    return True
