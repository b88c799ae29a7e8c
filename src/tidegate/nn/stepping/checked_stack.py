"""All layers and directions of a module, for inputs of a kind that has passed every check before.

Checking a call's arguments and choosing a backend take some 35 µs, as long as a few steps of a small layer. Both depend
on shapes, dtypes and settings only, so a call of the same kind as an earlier one need not repeat them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from tidegate.engine import Backend, Call
from tidegate.engine.dispatch import choose
from tidegate.nn.interop.per_sample import has_expanded_weights
from tidegate.nn.interop.torch_steps import nothing_looks_on
from tidegate.nn.stack import calls_at_once, joined, narrowed, stacked
from tidegate.nn.stepping.prepared_stack import KeptLayers, plain_states

KINDS = 64  # of calls, which a module remembers


class RemembersKinds:
    """What `tidegate.nn.Layered` has for calls of the same kind as an earlier one."""

    _kinds: _Kinds | None = None

    def _checked_run(self, input: Any, hx: Any) -> tuple[Any, Any] | None:
        """Run a call of a kind that was checked before; None if `forward` has to check it."""
        if torch.compiler.is_compiling() or type(input) is not Tensor or not nothing_looks_on():
            return None
        dtype, module = input.dtype, cast(KeptLayers, self)
        if input.dim() != 3 or not input.is_cpu or (dtype is not torch.float32 and dtype is not torch.float64):
            return None
        states = plain_states(module, hx, dtype)
        if states is None or has_expanded_weights(cast(nn.Module, self)):
            return None
        kinds = self._kinds = self._kinds or _Kinds()
        return kinds.run(module, input, states)


class _Kinds:
    """The kinds of call that a module has had. A copy begins with none."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, CheckedStack | None] = {}

    def __reduce__(self) -> tuple[type[_Kinds], tuple[()]]:
        return _Kinds, ()

    def run(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        key = input.shape, input.dtype, tuple([s.shape for s in states]), module.training
        if key not in self._seen:  # prepared when it comes the second time
            if len(self._seen) >= KINDS:
                self._seen.clear()
            self._seen[key] = None
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
        self._rows: tuple[_Row, ...] = ()
        between = module.dropout and module.training and module.num_layers > 1
        # To make masks may draw random numbers, which would change those that follow.
        masks = any(module.layer_cell(k).masks for k in range(module.num_layers))
        if between or masks or module.recompute:
            return
        with torch.inference_mode(False), torch.no_grad():  # what is kept has to serve training too
            x, *own = (torch.zeros((), dtype=t.dtype).expand(t.shape) for t in (input, *states))
            given = module._checked_input(x, (*own,) if len(own) > 1 else own[0] if own else None, None, None, None)
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
        rows, row = self._rows, 0
        x = input.transpose(0, 1) if module.batch_first else input
        final: list[tuple[Tensor, ...]] = []
        for layer in range(module.num_layers):
            outputs: list[Tensor] = []
            for direction in range(1 + module.bidirectional):
                backend, like, shapes = rows[row]
                weights = module.layer_weights(layer, direction)
                if not _are_plain(weights.tensors(), shapes, x.dtype):
                    return None
                weights = weights.with_vectors(like.cell)
                own = tuple([narrowed(s[row], like.hidden_size) for s in states]) if states else like.state
                made = backend.run(Call(like.cell, x, weights, own, reverse=like.reverse, oracle=like.oracle))
                outputs.append(made.output)
                final.append(made.state)
                row += 1
            x = joined(outputs)
        output, state = self._layout.output(x), [stacked(s) for s in zip(*final, strict=True)]
        return output, tuple(state) if len(state) > 1 else state[0]


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
