"""Explain how a whole module would run, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.engine import Call, Explanation, Peaks
from tidegate.engine.explain.explain import explain_call
from tidegate.engine.explain.explanation import costs_html, seconds
from tidegate.nn.layout import EngineInput
from tidegate.nn.stack import Place, layer_calls
from tidegate.nn.types import StackedLayers


@dataclass(frozen=True)
class LayersExplained:
    """How each layer and direction of a module would run; ``str()`` gives a text of at most 80 columns.

    ``explanation[layer, direction]`` is the `tidegate.engine.Explanation` of one; direction 1 is the reverse one.

    Attributes:
        parts: by (layer, direction), in the order in which they run.
    """

    parts: dict[tuple[int, int], Explanation]

    def __getitem__(self, layer_and_direction: tuple[int, int]) -> Explanation:
        return self.parts[layer_and_direction]

    @property
    def flops(self) -> int:
        """FLOPs of all layers and directions."""
        return sum(part.flops.total for part in self.parts.values())

    @property
    def floor(self) -> float | None:
        """The least time in seconds of all together; None without peaks."""
        floors = [part.floor for part in self.parts.values()]
        known = [floor for floor in floors if floor is not None]
        return sum(known) if len(known) == len(floors) else None

    def __str__(self) -> str:
        lines = []
        for (layer, direction), part in self.parts.items():
            lines += [f"layer {layer}, {'reverse' if direction else 'forward'}", *part.lines(), ""]
        peaks = {str(part.peaks) for part in self.parts.values() if part.peaks is not None}
        if self.floor is not None:
            lines.append(f"together at least {seconds(self.floor)}")
        return "\n".join([*lines, *sorted(peaks)]).rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the costs of each layer and direction as a table, then the text."""
        costs = [
            {"layer": str(layer), "direction": "reverse" if direction else "forward", **part.costs()}
            for (layer, direction), part in self.parts.items()
        ]
        return costs_html(costs, str(self))


def explain_stack(
    layers: StackedLayers, given: EngineInput, *, training: bool = True, peaks: Peaks | None = None
) -> LayersExplained:
    """Explain how `tidegate.nn.stack.run_stack` would run the same input."""
    parts: dict[Place, Explanation] = {}
    outputs: list[Tensor] = []
    with torch.set_grad_enabled(training):
        for place, call in layer_calls(layers, given, outputs):
            parts[place] = explain_call(
                call, layers.backend, recompute=layers.recompute, training=training, peaks=peaks
            )
            outputs.append(_stand_in(call))
    return LayersExplained(parts)


def _stand_in(call: Call) -> Tensor:
    """Return a tensor like the call's output in shape, dtype, device, and in whether it requires a gradient."""
    parts = [call.x[:1, :1, :1], *(t[:1] for t in (*call.weights.tensors(), *call.state))]
    return sum((t.sum() for t in parts[1:]), parts[0].sum()).expand(*call.x.shape[:2], call.state[0].shape[1])
