"""The numbers a cell's equations need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from tidegate.cells import Cell, get_cell
from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Weights:
    """The weights of one layer in one direction, gates stacked as in torch.

    With I inputs, H units and an output of R units (R = H without a projection):

    Attributes:
        w_ih: (len(cell.input_gates) * H, I), rows in the order of ``cell.input_gates``.
        w_hh: (len(cell.recurrent_gates) * H, R), rows in the order of ``cell.recurrent_gates``.
        b_ih: (len(cell.input_gates) * H,), the bias of ``x.k``.
        b_hh: (len(cell.recurrent_gates) * H,), added to the recurrent products.
        p: per-unit vectors (H,) by name.
        w_hr: (R, H), the projection.
    """

    w_ih: Tensor | None = None
    w_hh: Tensor | None = None
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    p: Mapping[str, Tensor] = field(default_factory=dict)
    w_hr: Tensor | None = None

    def hidden_size(self, cell: Cell) -> int:
        """H, read off whichever weight the cell has."""
        if self.w_ih is not None and cell.input_gates:
            return self.w_ih.shape[0] // len(cell.input_gates)
        if self.w_hh is not None and cell.recurrent_gates:
            return self.w_hh.shape[0] // len(cell.recurrent_gates)
        raise ArgumentError(f"{cell.name} needs weights: w_ih for {cell.input_gates}, w_hh for {cell.recurrent_gates}")

    def check(self, cell: Cell, input_size: int) -> None:
        """Check every shape against the cell.

        Raises:
            ArgumentError: a weight is missing, not wanted, or of another shape than the cell needs.
        """
        hidden = self.hidden_size(cell)
        rows_i, rows_h = len(cell.input_gates) * hidden, len(cell.recurrent_gates) * hidden
        output = hidden if self.w_hr is None else self.w_hr.shape[0]
        _need("w_ih", self.w_ih, (rows_i, input_size) if rows_i else None, cell)
        _need("w_hh", self.w_hh, (rows_h, output) if rows_h else None, cell)
        _need("w_hr", self.w_hr, (output, hidden) if cell.projected else None, cell)
        if self.b_ih is not None:
            _need("b_ih", self.b_ih, (rows_i,) if rows_i and cell.bias else None, cell)
        if self.b_hh is not None:
            _need("b_hh", self.b_hh, (rows_h,) if rows_h and cell.bias else None, cell)
        if set(self.p) != set(cell.parameters):
            raise ArgumentError(f"{cell.name} has the per-unit vectors {list(cell.parameters)}, given {list(self.p)}")
        for name, vector in self.p.items():
            _need(f"p[{name!r}]", vector, (hidden,), cell)


def _need(name: str, given: Tensor | None, expected: tuple[int, ...] | None, cell: Cell) -> None:
    shape = None if given is None else tuple(given.shape)
    if shape != expected:
        wanted = "not to be there" if expected is None else f"of shape {expected}"
        got = "it is missing" if shape is None else f"it has shape {shape}"
        raise ArgumentError(f"{cell.name}: {name} must be {wanted}, {got}")


def negate_gate(cell: Cell | str, weights: Weights, gate: str) -> Weights:
    """Turn the sign of one gate's weights and biases.

    Since 1 - σ(a) = σ(-a), this converts exactly between the two readings of the GRU's update gate:
    ``gru`` with these weights is ``gru_z_new`` with ``negate_gate(gru, weights, "z")``, and back.

    Raises:
        ArgumentError: the cell has no such gate.
    """
    cell = get_cell(cell)
    if gate not in cell.gates:
        raise ArgumentError(f"{cell.name} has the gates {' '.join(cell.gates)}, not {gate!r}")

    def turn(rows: Tensor | None, gates: tuple[str, ...]) -> Tensor | None:
        if rows is None or gate not in gates:
            return rows
        parts = list(rows.chunk(len(gates)))
        parts[gates.index(gate)] = -parts[gates.index(gate)]
        return torch.cat(parts)

    return replace(
        weights,
        w_ih=turn(weights.w_ih, cell.input_gates),
        b_ih=turn(weights.b_ih, cell.input_gates),
        w_hh=turn(weights.w_hh, cell.recurrent_gates),
        b_hh=turn(weights.b_hh, cell.recurrent_gates),
    )
