"""ONNX's own LSTM, GRU and RNN, and how the weights of a cell are laid out there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.cells import Cell
from tidegate.export.onnx.layer_weights import LayerWeights
from tidegate.export.onnx.nodes import Nodes

Activation = tuple[
    str, tuple[float, ...], tuple[float, ...]
]  # name, alpha, beta: written always, since defaults differ
PEEPHOLES = 7  # the place of the peepholes among the LSTM's operands


@dataclass(frozen=True)
class FusedForm:
    """One of ONNX's recurrent operators, as the form of a cell.

    Attributes:
        operator: LSTM, GRU or RNN.
        gates: the cell's gates in the order of the operator's: i o f c, or z r h. One that begins with "-" is negated.
        activations: the operator's functions in its order.
        peepholes: the cell's vectors in the operator's order, i o f; one without a name is zeros.
        attributes: others of the operator.
    """

    operator: str
    gates: tuple[str, ...]
    activations: tuple[Activation, ...]
    peepholes: tuple[str, ...] = ()
    attributes: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        nodes: Nodes,
        cell: Cell,
        weights: LayerWeights,
        x: str,
        lengths: str,
        initial: list[str],
        *,
        reverse: bool,
    ) -> tuple[str, list[str]]:
        """Add the operator.

        Args:
            nodes: to which it is added.
            cell: the cell that has this form.
            weights: the layer's.
            x: (T, B, I).
            lengths: (B,) of int32; "" for none.
            initial: the initial states (B, H); empty for zeros.
            reverse: read each sequence from its last valid step to its first.

        Returns:
            The output (T, B, H) and the final states (B, H); the operator's own, in which those of sequences without
            steps are zeros.
        """
        first, one = nodes.shape(0), nodes.shape(1)

        w = nodes.add("Unsqueeze", weights.rows(nodes, cell, "w_ih", self.gates), first, name="W")
        r = nodes.add("Unsqueeze", weights.rows(nodes, cell, "w_hh", self.gates), first, name="R")
        operands = [x, w, r, "", lengths, *[nodes.add("Unsqueeze", state, first) for state in initial]]
        if weights.b_ih or weights.b_hh:
            none = nodes.constant(np.zeros(len(self.gates) * weights.hidden, np.float32), "zeros")
            both = [
                weights.rows(nodes, cell, it, self.gates) if getattr(weights, it) else none for it in ("b_ih", "b_hh")
            ]
            operands[3] = nodes.add("Unsqueeze", nodes.add("Concat", *both, axis=0), first, name="B")
        if self.peepholes:
            operands += [""] * (PEEPHOLES - len(operands))
            none = nodes.constant(np.zeros(weights.hidden, np.float32), "zeros")
            vectors = nodes.add("Concat", *[weights.p.get(it, none) for it in self.peepholes], axis=0)
            operands.append(nodes.add("Unsqueeze", vectors, first, name="P"))
        alphas = [number for _, alpha, _ in self.activations for number in alpha]
        betas = [number for _, _, beta in self.activations for number in beta]
        attributes: dict[str, Any] = dict(self.attributes, hidden_size=weights.hidden)
        attributes |= dict(activations=[name for name, _, _ in self.activations])
        attributes |= dict(activation_alpha=alphas) if alphas else {}
        attributes |= dict(activation_beta=betas) if betas else {}
        attributes |= dict(direction="reverse" if reverse else "forward")
        names = ("Y", *[f"Y_{state}" for state in cell.states])
        made = nodes.add_many(self.operator, *operands, names=names, **attributes)
        squeezed = [nodes.add("Squeeze", state, first) for state in made[1:]]
        return nodes.add("Squeeze", made[0], one), squeezed
