"""The weights of a layer as names of a graph's values, which may be constants or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine import Weights
from tidegate.export.onnx.nodes import Nodes


@dataclass(frozen=True)
class LayerWeights:
    """The weights of one layer in one direction, as `tidegate.engine.Weights` has them, by name.

    Attributes:
        hidden: H.
        w_ih: (gates * H, I).
        w_hh: (gates * H, R).
        b_ih: (gates * H,).
        b_hh: (gates * H,).
        p: (H,) or (1,), by the names of the cell's vectors.
        w_hr: (R, H).
        output: R, the size of the output.
    """

    hidden: int
    output: int
    w_ih: str = ""
    w_hh: str = ""
    b_ih: str = ""
    b_hh: str = ""
    w_hr: str = ""
    p: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Nodes, cell: Cell, weights: Weights) -> LayerWeights:
        """Make constants of a layer's weights."""

        def constant(value: Tensor | None, name: str) -> str:
            return "" if value is None else nodes.constant(value.detach().cpu().float().numpy(), name)

        hidden = weights.hidden_size(cell)
        return cls(
            hidden,
            hidden if weights.w_hr is None else weights.w_hr.shape[0],
            **{name: constant(getattr(weights, name), name) for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")},
            p={name: constant(value, name) for name, value in weights.p.items()},
        )

    def rows(self, nodes: Nodes, cell: Cell, name: str, gates: tuple[str, ...]) -> str:
        """Return the rows of some gates, in their order, of w_ih, w_hh, b_ih or b_hh.

        A gate that begins with "-" is negated.
        """
        own = cell.input_gates if name.endswith("ih") else cell.recurrent_gates
        whole = getattr(self, name)
        if gates == own:
            return whole
        found = []
        for gate in gates:
            k = own.index(gate.removeprefix("-"))
            rows = nodes.rows(whole, k * self.hidden, (k + 1) * self.hidden)
            found.append(nodes.add("Neg", rows) if gate.startswith("-") else rows)
        return found[0] if len(found) == 1 else nodes.add("Concat", *found, axis=0)

    def sum_of_biases(self, nodes: Nodes, cell: Cell, gates: tuple[str, ...]) -> str:
        """Return the sum of both biases of some gates; "" if there is none."""
        both = [self.rows(nodes, cell, it, gates) for it in ("b_ih", "b_hh") if getattr(self, it)]
        return nodes.add("Add", *both) if len(both) == 2 else "".join(both)
