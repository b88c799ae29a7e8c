"""The result of tracing a module: its output, states, and every gate and state by name."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from tidegate.drawing import table_html
from tidegate.drawing.brief import brief_repr
from tidegate.nn.types import State


@dataclass(frozen=True)
class Trace:
    """The result of a forward pass with the gate activations and states of every layer.

    ``trace[layer, direction]`` is a dict from a gate's or state's name to its values over time, in the input's
    layout (for a packed input: padded, in the caller's order); direction 1 is the reverse one. Of one sequence,
    `tidegate.lens.trace` records the same as labelled arrays, from which ``.sel`` takes parts.

    Attributes:
        output: the output, as ``forward`` returns it.
        state: the final states, as ``forward`` returns them.
        values: the recorded values by (layer, direction).
        valid: False at recorded steps that are padding, in the layout of the values with a last dimension of 1; None
            if no step is.
    """

    output: Tensor | PackedSequence
    state: State
    values: dict[tuple[int, int], dict[str, Tensor]]
    valid: Tensor | None = None

    __repr__ = brief_repr

    def __getitem__(self, layer_and_direction: tuple[int, int]) -> dict[str, Tensor]:
        return self.values[layer_and_direction]

    def _repr_html_(self) -> str:
        """Notebook view: the recorded values of each layer and direction, with shape and range without padding."""
        rows: list[list[object]] = []
        for place, recorded in self.values.items():
            for name, value in recorded.items():
                counted = value.detach()
                if self.valid is not None:
                    counted = counted.masked_select(self.valid)
                ends = [float(it) for it in counted.aminmax()] if counted.numel() else ["", ""]
                rows.append([*place, name, " × ".join(map(str, value.shape)), *ends])
        return table_html(rows, ("layer", "direction", "value", "shape", "lowest", "highest"), caption="Trace")
