"""Modules from the weights of other programs, which lie in torch's order by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tidegate.cells import Cell
from tidegate.convert.activations import SIGMOID, TANH, Activation
from tidegate.convert.variants import gru_cell, lstm_cell, rnn_cell
from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError
from tidegate.nn import GRU, LSTM, RNN, Layered, Recurrent

Kind = Literal["lstm", "gru", "rnn"]
GATES: dict[Kind, int] = {"lstm": 4, "gru": 3, "rnn": 1}
STANDARD: dict[Kind, tuple[Activation, ...]] = {"lstm": (SIGMOID, TANH, TANH), "gru": (SIGMOID, TANH), "rnn": (TANH,)}


@dataclass(frozen=True, eq=False)
class Direction:
    """The weights of one layer in one direction, gates stacked i f g o, r z n or h, without f if it is coupled to i.

    Attributes:
        w_ih: (G H, I).
        w_hh: (G H, H), or (G H, R) with a projection.
        b_ih: (G H,), the bias beside the input's products; None: none.
        b_hh: (G H,), the bias beside the state's products; None: none.
        peepholes: each (H,): p_i, p_f, p_o of an LSTM, without p_f if it is coupled.
        w_hr: (R, H), the projection.
    """

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    peepholes: tuple[Tensor, ...] = ()
    w_hr: Tensor | None = None
    __repr__ = brief_repr


@dataclass(frozen=True)
class Form:
    """The equations of a layer.

    Attributes:
        kind: lstm, gru or rnn.
        functions: of the gates, the new values and (lstm) the output; none: those of `STANDARD`.
        reset_after: of a gru, whether r acts on the product.
        coupled: of an lstm, whether f is 1 - i.
        clip: the bound of what goes into the functions; None: none.
    """

    kind: Kind
    functions: tuple[Activation, ...] = ()
    reset_after: bool = True
    coupled: bool = False
    clip: float | None = None

    def cell(self, *, peepholes: bool = False) -> Cell:
        """Return the cell with these equations."""
        functions = self.functions or STANDARD[self.kind]
        match self.kind:
            case "lstm":
                return lstm_cell(*functions, peepholes=peepholes, coupled=self.coupled, clip=self.clip)
            case "gru":
                return gru_cell(*functions, reset_after=self.reset_after, clip=self.clip)
            case "rnn":
                return rnn_cell(*functions, clip=self.clip)

    @property
    def gates(self) -> int:
        """The number of gates whose weights are stacked."""
        return GATES[self.kind] - self.coupled


def in_order(stacked: Tensor, given: str, wanted: str) -> Tensor:
    """Return blocks of rows in another order: ``in_order(weights, "icfo", "ifco")``; letters may be left out."""
    blocks = dict(zip(given, stacked.chunk(len(given)), strict=True))
    return torch.cat([blocks[letter] for letter in wanted])


def make_layers(form: Form, rows: Sequence[Sequence[Direction]]) -> Layered:
    """Return layers with weights: one of torch's drop-ins if they are its equations, else a `Recurrent`.

    Args:
        form: their equations.
        rows: for each layer its directions, one or two.

    Raises:
        DataError: shapes do not fit one another.
    """
    first, two = rows[0][0], len(rows[0]) == 2
    own = [it for row in rows for it in row]
    hidden = first.w_ih.shape[0] // form.gates
    outputs = hidden if first.w_hr is None else first.w_hr.shape[0]
    for layer, row in enumerate(rows):
        inputs = first.w_ih.shape[1] if layer == 0 else outputs * len(rows[0])
        for it in row:
            _check(it, form, hidden, inputs, outputs)
    biased = any(it.b_ih is not None or it.b_hh is not None for it in own)
    sizes = Sizes(first.w_ih.shape[1], hidden, len(rows), two, biased, outputs if first.w_hr is not None else 0)
    made = empty_layers(form, sizes, peepholes=bool(first.peepholes), dtype=first.w_ih.dtype)
    named = isinstance(made, nn.RNNBase)
    made.load_state_dict(_named(rows, biases=biased) if named else recurrent_weights(made.cell, rows, made))
    return made


@dataclass(frozen=True)
class Sizes:
    """The sizes of layers: those of their constructor."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    proj_size: int = 0


def empty_layers(form: Form, sizes: Sizes, *, peepholes: bool = False, dtype: torch.dtype = torch.float32) -> Layered:
    """Return layers in evaluation whose weights are to be loaded: torch's drop-ins, or a `Recurrent`."""
    cell = form.cell(peepholes=peepholes)
    options: dict[str, Any] = asdict(sizes) | {"dtype": dtype}
    made: Layered
    match cell.name:
        case "lstm":
            made = LSTM(**options)
        case "gru":
            made = GRU(**options)
        case "rnn_tanh" | "rnn_relu":
            made = RNN(**options, nonlinearity="tanh" if cell.name == "rnn_tanh" else "relu")
        case _:
            made = Recurrent(cell, **options)
    return made.eval()


def _check(given: Direction, form: Form, hidden: int, inputs: int, outputs: int) -> None:
    rows = form.gates * hidden
    if not (inputs and outputs and hidden):
        raise DataError(f"A {form.kind} of {inputs} inputs and {hidden} units has no weights.")
    expected = {"w_ih": (rows, inputs), "w_hh": (rows, outputs), "b_ih": (rows,), "b_hh": (rows,)}
    for name, shape in expected.items():
        value: Tensor | None = getattr(given, name)
        if value is not None and tuple(value.shape) != shape:
            raise DataError(f"{name} of a {form.kind} of {hidden} units is of shape {tuple(value.shape)}, not {shape}.")
    if any(tuple(it.shape) != (hidden,) for it in given.peepholes):
        raise DataError(f"A peephole of a {form.kind} of {hidden} units is not of shape ({hidden},).")


def _named(rows: Sequence[Sequence[Direction]], *, biases: bool) -> dict[str, Tensor]:
    """Return the weights by torch's names; with biases one that is not there is zero."""
    found: dict[str, Tensor] = {}
    for layer, row in enumerate(rows):
        for way, it in enumerate(row):
            end = f"_l{layer}" + "_reverse" * way
            found["weight_ih" + end], found["weight_hh" + end] = it.w_ih, it.w_hh
            if biases:
                zeros = it.w_ih.new_zeros(it.w_ih.shape[0])
                found["bias_ih" + end] = zeros if it.b_ih is None else it.b_ih
                found["bias_hh" + end] = zeros if it.b_hh is None else it.b_hh
            if it.w_hr is not None:
                found["weight_hr" + end] = it.w_hr
    return found


def recurrent_weights(cell: Cell, rows: Sequence[Sequence[Direction]], made: nn.Module) -> dict[str, Tensor]:
    """Return the weights by `Recurrent`'s names: one bias for each gate, and one more where the product has its own."""
    found = _named(rows, biases=False)
    own = made.state_dict()
    for layer, row in enumerate(rows):
        for way, it in enumerate(row):
            end = f"_l{layer}" + "_reverse" * way
            zeros = it.w_ih.new_zeros(it.w_ih.shape[0])
            b_ih, b_hh = zeros if it.b_ih is None else it.b_ih, zeros if it.b_hh is None else it.b_hh
            blocks = b_hh.chunk(len(cell.recurrent_gates))
            apart = {
                gate: block
                for gate, block in zip(cell.recurrent_gates, blocks, strict=True)
                if gate in cell.own_bias_gates
            }
            joined = [
                block if gate in apart else block + second
                for gate, block, second in zip(cell.input_gates, b_ih.chunk(len(cell.input_gates)), blocks, strict=True)
            ]
            if "bias" + end in own:
                found["bias" + end] = torch.cat(joined)
            if apart:
                found["bias_hh" + end] = torch.cat([apart[gate] for gate in cell.own_bias_gates])
            names = ("p_i", "p_o") if len(it.peepholes) == 2 else ("p_i", "p_f", "p_o")
            for name, value in zip(names, it.peepholes, strict=False):
                found[f"unit_{name}{end}"] = value
    return found
