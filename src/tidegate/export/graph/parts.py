"""The parts of a model that reads one step after another. Each says how many numbers it returns for a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.drawing.brief import brief_repr
from tidegate.engine import Program, Weights
from tidegate.engine.program.program import PRODUCTS, lower, program, reached
from tidegate.errors import ArgumentError

PoolKind = Literal["last", "first", "mean", "max", "attention"]


class Part(Protocol):
    """What computes a value from others."""

    def size(self, *of: int) -> int:
        """Return the numbers that it returns for a step, given those of its operands.

        Raises:
            ArgumentError: it does not take operands of these sizes.
        """
        ...


@dataclass(frozen=True, eq=False)
class Embedding:
    """The row of a token: ``table`` is (V, E)."""

    table: Tensor
    __repr__ = brief_repr

    def size(self, *of: int) -> int:
        """E."""
        return self.table.shape[1]


@dataclass(frozen=True)
class OneHot:
    """A token as V numbers, one of which is 1."""

    tokens: int

    def size(self, *of: int) -> int:
        """V."""
        return self.tokens


@dataclass(frozen=True, eq=False)
class Layer:
    """A recurrent layer in one direction; its value is its output, the first state, at every step.

    Attributes:
        cell: the cell.
        weights: float32, on the CPU.
        reverse: whether it reads each sequence from its last step to its first.
        initial: the states with which it begins, each (H,); empty: zeros.
        masks: the names of those masks of the cell that are operands after the input, with 1 or H numbers for a step.
            Others have their default values.
    """

    cell: Cell
    weights: Weights
    reverse: bool = False
    initial: tuple[Tensor, ...] = ()
    masks: tuple[str, ...] = ()
    __repr__ = brief_repr

    @property
    def hidden(self) -> int:
        """H, the number of hidden units."""
        return self.weights.hidden_size(self.cell)

    def size(self, *of: int) -> int:
        """H, or the size of the projection."""
        if self.weights.w_ih is not None:
            _expect(self.weights.w_ih.shape[1], of[0])
        return self.outputs

    @property
    def outputs(self) -> int:
        """The numbers of the output: H, or the size of the projection."""
        return self.hidden if self.weights.w_hr is None else self.weights.w_hr.shape[0]

    def state_size(self, name: str) -> int:
        """Return the numbers of a state."""
        return self.outputs if name == self.cell.states[0] else self.hidden

    @cached_property
    def program(self) -> Program:
        """The Program of the cell, without gates that are there to be recorded only."""
        whole = program(self.cell)
        used = reached(whole.values, whole.states.values())
        step = self.cell.step
        return lower(step.states, {name: it for name, it in step.gates.items() if whole.gates[name] in used})

    @cached_property
    def products(self) -> dict[tuple[str, str], tuple[Tensor, Tensor]]:
        """The matrix (results, operands) and the bias of each product and input part of the Program, by op and gate.

        Zeros between heads are in the matrix. Without a bias it is 0.
        """
        w, cell, found = self.weights, self.cell, {}
        for value in self.program.values:
            if value.op not in (*PRODUCTS, "input"):
                continue
            none = torch.zeros(())
            if value.op == "project":
                found[value.op, value.name] = w.w_hr, none
                continue
            given = value.op == "input"
            matrices, biases = (w.w_ih, w.b_ih) if given else (w.w_hh, w.b_hh)
            gates = cell.input_gates if given else cell.recurrent_gates
            own = _of_gate(matrices, gates, value.name)
            matrix = own if given or cell.heads == 1 else torch.block_diag(*own.chunk(cell.heads))
            found[value.op, value.name] = matrix, none if biases is None else _of_gate(biases, gates, value.name)
        return found


@dataclass(frozen=True, eq=False)
class Linear:
    """``y = W x + b``: ``weight`` is (O, I), ``bias`` (O,)."""

    weight: Tensor
    bias: Tensor | None = None
    __repr__ = brief_repr

    def size(self, *of: int) -> int:
        """O."""
        _expect(self.weight.shape[1], of[0])
        return self.weight.shape[0]


@dataclass(frozen=True, eq=False)
class Convolution:
    """``y_t = b + sum_k W_k x_{t - (K - 1 - k) d}``, causal: steps before the first are zeros.

    Attributes:
        weight: (O, I, K), or (O, 1, K) if it is depthwise.
        bias: (O,).
        dilation: d.
        depthwise: whether each feature is convolved by itself, so that O is I.
    """

    weight: Tensor
    bias: Tensor | None = None
    dilation: int = 1
    depthwise: bool = False
    __repr__ = brief_repr

    def size(self, *of: int) -> int:
        """O."""
        rows, columns, _ = self.weight.shape
        _expect(rows if self.depthwise else columns, of[0])
        return rows


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """``y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias``, over the features of a step."""

    eps: float
    weight: Tensor | None = None
    bias: Tensor | None = None
    __repr__ = brief_repr

    def size(self, *of: int) -> int:
        """As many as it is given."""
        if self.weight is not None:
            _expect(len(self.weight), of[0])
        return of[0]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The same numbers (N,) at every step."""

    values: Tensor
    __repr__ = brief_repr

    def size(self, *of: int) -> int:
        """N."""
        return len(self.values)


@dataclass(frozen=True)
class Pointwise:
    """An operation of `tidegate.cells.language.operations`, by name; an operand of size 1 is used for each number."""

    operation: str

    def size(self, *of: int) -> int:
        """The size of the operands that are not of size 1."""
        size = max(of)
        for own in of:
            if own != 1:
                _expect(size, own)
        return size


@dataclass(frozen=True)
class Softmax:
    """``e^x / sum e^x`` over the features of a step; with ``log`` its logarithm."""

    log: bool = False

    def size(self, *of: int) -> int:
        """As many as it is given."""
        return of[0]


@dataclass(frozen=True)
class Concat:
    """The numbers of its operands one after another."""

    def size(self, *of: int) -> int:
        """The sum of theirs."""
        return sum(of)


@dataclass(frozen=True)
class Columns:
    """Features ``start`` to ``stop``, without the last."""

    start: int
    stop: int

    def size(self, *of: int) -> int:
        """Their number."""
        if not 0 <= self.start < self.stop <= of[0]:
            raise ArgumentError(f"features {self.start} to {self.stop} are not among {of[0]}")
        return self.stop - self.start


@dataclass(frozen=True)
class Pool:
    """One vector for a whole sequence: that of the last or first valid step, or the mean or maximum of all.

    With ``attention`` there is a second operand of size 1, the score of each step: ``sum_t softmax(score)_t x_t``.
    """

    kind: PoolKind

    def size(self, *of: int) -> int:
        """As many as it is given."""
        return of[0]


def _expect(size: int, given: int) -> None:
    if size != given:
        raise ArgumentError(f"it takes {size} numbers for a step, but is given {given}")


def _of_gate(stacked: Tensor | None, gates: tuple[str, ...], gate: str) -> Tensor:
    assert stacked is not None
    return stacked.chunk(len(gates))[gates.index(gate)]
