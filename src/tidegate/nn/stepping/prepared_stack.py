"""All layers and directions of a module, prepared for inputs of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Prepared
from tidegate.engine.dispatch import choose
from tidegate.engine.run import run_on
from tidegate.nn.layout import EngineInput, Layout
from tidegate.nn.stack import layer_calls, narrowed, stacked
from tidegate.nn.types import StackedLayers


class KeptLayers(StackedLayers, Protocol):
    """Layers whose calls can be prepared, as `tidegate.nn.Layered` has them."""

    batch_first: bool
    cell: Cell
    layer_cells: Mapping[int, Cell]

    def _checked_input(self, given: Any, hx: Any, lengths: Any, reset: Any, masks: Any) -> EngineInput: ...

    def _state_out(self, state: tuple[Tensor, ...], layout: Layout) -> Any: ...


def plain_states(module: KeptLayers, hx: Any, dtype: torch.dtype) -> tuple[Tensor, ...] | None:
    """Return initial states as a tuple, which is empty for zeros; None if anything about them is unusual."""
    if hx is None:
        return ()
    states, count = (hx,) if type(hx) is Tensor else hx, len(module.cell.states)
    if type(states) is not tuple or len(states) != count or (count == 1 and states is hx):
        return None
    for s in states:
        if type(s) is not Tensor or s.dim() != 3 or s.dtype is not dtype or not s.is_cpu:
            return None
    return states


class PreparedStack:
    """A module's call on inputs of one shape, without lengths, resets and masks.

    Args:
        module: the module; its weights must not change.
        input: an example of the inputs.
        hx: the initial states of the example, or None.
    """

    def __init__(self, module: KeptLayers, input: Tensor, hx: Any):
        given = module._checked_input(input, hx, None, None, None)
        self._module, self._layout = module, given.layout
        self._runs: list[Prepared] | None = []
        self._zeros: list[Sequence[Tensor]] = []
        outputs: list[Tensor] = []
        starts_at_zero = hx is not None or module.initial_state(given.x.shape[1]) is None
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
        module, row = self._module, 0
        x = input.transpose(0, 1) if module.batch_first else input
        final: list[tuple[Tensor, ...]] = []
        for layer in range(module.num_layers):
            outputs: list[Tensor] = []
            for _ in range(1 + module.bidirectional):
                own = [narrowed(s[row], module.layer_size(layer)) for s in states] if states else self._zeros[row]
                made = self._runs[row].run(x, own)
                if made is None:
                    return None
                outputs.append(made[0])
                final.append(made[1])
                row += 1
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
        state = tuple([stacked(s) for s in zip(*final, strict=True)])
        return self._layout.output(x), module._state_out(state, self._layout)
