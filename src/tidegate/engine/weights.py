"""The weights that a cell's equations need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from tidegate.cells import Cell, get_cell
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Weights:
    """The weights of one layer in one direction, gates stacked as in torch.

    With I input features, H hidden units and an output of R features (R = H without a projection):

    Attributes:
        w_ih: (len(cell.input_gates) * H, I), rows in the order of ``cell.input_gates``.
        w_hh: (len(cell.recurrent_gates) * H, R), rows in the order of ``cell.recurrent_gates``; of a cell with heads
            (..., H / heads), each row for the hidden units of its own head.
        b_ih: (len(cell.input_gates) * H,), the bias of ``x.k``.
        b_hh: (len(cell.recurrent_gates) * H,), added to the recurrent products.
        p: vectors with one weight per hidden unit, (H,), and the cell's scalars, (1,), by name.
        w_hr: (R, H), the projection.
        packed: a `tidegate.engine.packed.Packed` with these matrices as kernels read them; None to pack them for each
            call.
    """

    w_ih: Tensor | None = None
    w_hh: Tensor | None = None
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    p: Mapping[str, Tensor] = field(default_factory=dict)
    w_hr: Tensor | None = None
    packed: Any = field(default=None, compare=False, repr=False)  # not typed, so that Weights(**tensors) is accepted

    __repr__ = brief_repr

    def tensors(self) -> list[Tensor]:
        """List all tensors, without those that are None."""
        optional = (self.w_ih, self.w_hh, self.b_ih, self.b_hh, self.w_hr)
        return [*[t for t in optional if t is not None], *self.p.values()]

    def matrices(self) -> list[Tensor]:
        """List the matrices, without those that are None."""
        return [t for t in (self.w_ih, self.w_hh, self.w_hr) if t is not None]

    def map(self, fn: Callable[[Tensor], Tensor]) -> Weights:
        """Return the weights with a function applied to every tensor."""

        def applied(t: Tensor | None) -> Tensor | None:
            return None if t is None else fn(t)

        return Weights(
            w_ih=applied(self.w_ih),
            w_hh=applied(self.w_hh),
            b_ih=applied(self.b_ih),
            b_hh=applied(self.b_hh),
            p={name: fn(vector) for name, vector in self.p.items()},
            w_hr=applied(self.w_hr),
        )

    def hidden_size(self, cell: Cell) -> int:
        """H, from whichever matrix the cell has.

        Raises:
            ArgumentError: there is neither a ``w_ih`` nor a ``w_hh`` that the cell uses.
        """
        if self.w_ih is not None and cell.input_gates:
            return self.w_ih.shape[0] // len(cell.input_gates)
        if self.w_hh is not None and cell.recurrent_gates:
            return self.w_hh.shape[0] // len(cell.recurrent_gates)
        raise ArgumentError(f"{cell.name} needs weights: w_ih for {cell.input_gates}, w_hh for {cell.recurrent_gates}.")

    def check(self, cell: Cell, input_size: int) -> None:
        """Check every shape against the cell.

        Raises:
            ArgumentError: a weight is missing, unexpected, or has the wrong shape.
        """
        hidden = self.hidden_size(cell)
        rows_i, rows_h = len(cell.input_gates) * hidden, len(cell.recurrent_gates) * hidden
        output = hidden if self.w_hr is None else self.w_hr.shape[0]
        if output != hidden and cell.direct_gates != cell.recurrent_gates:
            others = ", ".join(gate for gate in cell.recurrent_gates if gate not in cell.direct_gates)
            raise ArgumentError(
                f"{cell.name}: the products of {others} are with vectors of all {hidden} hidden units, but a projected "
                f"cell's matrices are for its output, which has {output} features: project to {hidden} features, or "
                "write the cell with products of h_{t-1} only."
            )
        if hidden % cell.heads:
            raise ArgumentError(
                f"{cell.name}: {hidden} hidden units cannot be cut into {cell.heads} heads of one size."
            )
        output //= cell.heads
        _check_shape("w_ih", self.w_ih, (rows_i, input_size) if cell.input_gates else None, cell)
        _check_shape("w_hh", self.w_hh, (rows_h, output) if cell.recurrent_gates else None, cell)
        _check_shape("w_hr", self.w_hr, (output, hidden) if cell.projected else None, cell)
        if self.b_ih is not None:
            _check_shape("b_ih", self.b_ih, (rows_i,) if cell.input_gates and cell.bias else None, cell)
        if self.b_hh is not None:
            _check_shape("b_hh", self.b_hh, (rows_h,) if cell.recurrent_gates and cell.bias else None, cell)
        if set(self.p) != set(cell.parameters):
            raise ArgumentError(f"{cell.name} has the per-unit vectors {list(cell.parameters)}; given {list(self.p)}.")
        for name, vector in self.p.items():
            _check_shape(f"p[{name!r}]", vector, (1 if name in cell.scalars else hidden,), cell)

    def with_vectors(self, cell: Cell) -> Weights:
        """Return checked weights in which the cell's scalars are vectors (H,), the same number for all hidden units."""
        if not cell.scalars:
            return self
        hidden = self.hidden_size(cell)
        return replace(self, p={name: value.expand(hidden) for name, value in self.p.items()})


def _check_shape(name: str, given: Tensor | None, expected: tuple[int, ...] | None, cell: Cell) -> None:
    shape = None if given is None else tuple(given.shape)
    if shape != expected:
        wanted = "not be given" if expected is None else f"be of shape {expected}"
        got = "it is missing" if shape is None else f"it has shape {shape}"
        raise ArgumentError(f"{cell.name}: {name} must {wanted}; {got}.")


def negate_gate(cell: Cell | str, weights: Weights, gate: str) -> Weights:
    """Negate one gate's weights and biases.

    Since 1 - σ(a) = σ(-a), this converts exactly between the two readings of the GRU's update gate:
    ``gru`` with these weights is ``gru_z_new`` with ``negate_gate(gru, weights, "z")``, and back.

    Raises:
        ArgumentError: the cell has no such gate.
    """
    cell = get_cell(cell)
    if gate not in cell.gates:
        raise ArgumentError(f"{cell.name} has the gates {' '.join(cell.gates)}, not {gate!r}.")

    def negated(rows: Tensor | None, gates: tuple[str, ...]) -> Tensor | None:
        if rows is None or gate not in gates:
            return rows
        parts = list(rows.chunk(len(gates)))
        parts[gates.index(gate)] = -parts[gates.index(gate)]
        return torch.cat(parts)

    return replace(
        weights,
        w_ih=negated(weights.w_ih, cell.input_gates),
        b_ih=negated(weights.b_ih, cell.input_gates),
        w_hh=negated(weights.w_hh, cell.recurrent_gates),
        b_hh=negated(weights.b_hh, cell.recurrent_gates),
    )
