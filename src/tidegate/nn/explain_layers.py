"""How a whole module would run, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Backend, Explanation, Peaks, Weights, explain
from tidegate.engine.explain.explanation import seconds


@dataclass(frozen=True)
class LayersExplained:
    """How each layer and direction of a module would run; ``str()`` tells it in at most 80 columns.

    ``explanation[layer, direction]`` is one of them; direction 1 is the reverse one.

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
        """Seconds that all take at least, one after another; None without peaks."""
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


def explain_stack(
    cell_of: Callable[[int], Cell],
    x: Tensor,
    weights_of: Callable[[int, int], Weights],
    state: Sequence[Tensor] | None,
    *,
    num_layers: int,
    directions: int,
    lengths: Tensor | None,
    reset: Tensor | None,
    backend: str | Backend | None,
    recompute: bool,
    training: bool,
    peaks: Peaks | None,
) -> LayersExplained:
    """How `tidegate.nn.stack.run_stack` would run the same arguments."""
    parts = {}
    weights = weights_of(0, 0)
    features = directions * (weights.hidden_size(cell_of(0)) if weights.w_hr is None else weights.w_hr.shape[0])
    for layer in range(num_layers):
        flowing = [x[:1, :1, :1]]
        for direction in range(directions):
            index = layer * directions + direction
            weights, own = weights_of(layer, direction), None if state is None else [s[index] for s in state]
            parts[layer, direction] = explain(
                cell_of(layer),
                x,
                weights,
                own,
                lengths=lengths,
                reset=reset,
                reverse=direction == 1,
                backend=backend,
                recompute=recompute,
                training=training,
                peaks=peaks,
            )
            matrices = (weights.w_ih, weights.w_hh, weights.b_ih, weights.b_hh, weights.w_hr)
            flowing += [t[:1] for t in (*matrices, *weights.p.values(), *(own or ())) if t is not None]
        # The next layer's input in nothing but shape, dtype and device, and in what is differentiated with it.
        with torch.set_grad_enabled(training):
            x = sum((t.sum() for t in flowing[1:]), flowing[0].sum()).expand(*x.shape[:2], features)
    return LayersExplained(parts)
