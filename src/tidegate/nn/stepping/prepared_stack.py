"""All layers and directions of a module, prepared for inputs of one shape."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Prepared
from tidegate.engine.dispatch import choose
from tidegate.engine.run import run_on
from tidegate.nn.interop.torch_steps import nothing_looks_on
from tidegate.nn.layout import EngineInput, Layout
from tidegate.nn.stack import Outcome, layer_calls, through_layers
from tidegate.nn.types import StackedLayers

KINDS = 64  # of calls, which a module remembers


class KeptLayers(StackedLayers, Protocol):
    """Layers whose calls can be prepared, as `tidegate.nn.Layered` has them."""

    batch_first: bool
    cell: Cell
    layer_cells: Mapping[int | tuple[int, int], Cell]

    def _checked_input(self, given: Any, hx: Any, lengths: Any, reset: Any, masks: Any) -> EngineInput: ...

    def _state_out(self, state: tuple[Tensor, ...], layout: Layout) -> Any: ...


def plain_states(module: KeptLayers, input: Any, hx: Any) -> tuple[Tensor, ...] | None:
    """Return the initial states of a call as a tuple, empty for zeros; None if anything about the call is unusual."""
    if torch.compiler.is_compiling() or type(input) is not Tensor or not nothing_looks_on():
        return None
    dtype = input.dtype
    if input.dim() != 3 or not input.is_cpu or (dtype is not torch.float32 and dtype is not torch.float64):
        return None
    if hx is None:
        return ()
    states, count = (hx,) if type(hx) is Tensor else hx, len(module.cell.states)
    if type(states) is not tuple or len(states) != count or (count == 1 and states is hx):
        return None
    for s in states:
        if type(s) is not Tensor or s.dim() != 3 or s.dtype is not dtype or not s.is_cpu:
            return None
    return states


def as_hx(states: Sequence[Tensor]) -> Any:
    """Return initial states in the form in which ``forward`` takes them."""
    return tuple(states) if len(states) > 1 else states[0] if states else None


def comes_again(runs: dict[Hashable, Any], kind: Hashable) -> bool:
    """Whether a kind of call was seen before; if not, it is noted, and of too many all others are dropped."""
    if kind in runs:
        return True
    if len(runs) >= KINDS:
        runs.clear()
    runs[kind] = None
    return False


class PreparedStack:
    """A module's call on inputs of one shape, without lengths, resets and masks.

    Args:
        module: the module; its weights must not change.
        input: an example of the inputs.
        states: the initial states of the example; none for zeros.
    """

    def __init__(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]):
        given = module._checked_input(input, as_hx(states), None, None, None)
        self._module, self._layout = module, given.layout
        self._runs: list[Prepared] | None = []
        self._zeros: list[Sequence[Tensor]] = []
        outputs: list[Tensor] = []
        starts_at_zero = bool(states) or module.initial_state(given.x.shape[1]) is None
        for _, call in layer_calls(module, given, outputs):
            chosen = choose(call, module.backend)
            made = chosen.prepared(call) if starts_at_zero and call.weights.packed is not None else None
            if made is None or self._runs is None:
                self._runs = None  # then `forward` runs calls of this kind
                return
            self._runs.append(made)
            self._zeros.append(call.state)
            outputs.append(run_on(chosen, call, asked=module.backend is not None).output)

    def __call__(self, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        """Run it; None if `forward` has to."""
        if self._runs is None:
            return None
        module, runs, zeros = self._module, self._runs, self._zeros

        def run(row: int, x: Tensor, own: Sequence[Tensor] | None) -> Outcome | None:
            return runs[row].run(x, zeros[row] if own is None else own)

        made = through_layers(module, input.transpose(0, 1) if module.batch_first else input, states, run)
        if made is None:
            return None
        return self._layout.output(made[0]), module._state_out(made[1], self._layout)
