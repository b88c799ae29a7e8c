"""Weights of the cells of TensorFlow 1, by the names of their variables, as equations and weights in torch's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tidegate.convert.built_layers import Direction, Form, in_order
from tidegate.errors import DataError

Weights = Mapping[str, Tensor]
"""Of a cell, by their names within it, such as gates/kernel."""


class CellKind(NamedTuple):
    """A class of cells.

    Attributes:
        source: its name in TensorFlow.
        read: the function that gives equations and weights; where is for messages.
        assumed: what its variables do not say.
        forget_bias: what an LSTM adds to its forget gate while it runs.
    """

    source: str
    read: Callable[[Weights, CellKind, str], tuple[Form, Direction]]
    assumed: str
    forget_bias: float = 0.0


def _lstm(weights: Weights, kind: CellKind, where: str) -> tuple[Form, Direction]:
    kernel = _matrix(weights, "kernel", where)
    projection = weights.get("projection/kernel")
    if projection is not None:
        projection = _matrix(weights, "projection/kernel", where)
    hidden = kernel.shape[1] // 4
    w_ih, w_hh = _halves(kernel, 4 * hidden, hidden if projection is None else projection.shape[1], where)
    bias = _vector(weights, "bias", 4 * hidden, where).clone()
    bias[2 * hidden : 3 * hidden] += kind.forget_bias
    peepholes = [f"w_{gate}_diag" for gate in "ifo"]
    vectors: tuple[Tensor, ...] = ()
    if any(name in weights for name in peepholes):
        vectors = tuple(_vector(weights, name, hidden, where) for name in peepholes)
    made = [in_order(it, "igfo", "ifgo") for it in (w_ih, w_hh, bias)]
    return Form("lstm"), Direction(*made, None, vectors, None if projection is None else projection.t())  # type: ignore[arg-type]


def _gru(weights: Weights, kind: CellKind, where: str) -> tuple[Form, Direction]:
    """Kernels of GRUCell multiply the input and the state beside one another; r acts on the state."""
    del kind
    gates, candidate = _matrix(weights, "gates/kernel", where), _matrix(weights, "candidate/kernel", where)
    hidden = candidate.shape[1]
    (x_gates, h_gates), (x_new, h_new) = (
        _halves(it, count * hidden, hidden, where) for it, count in ((gates, 2), (candidate, 1))
    )
    biases = _vector(weights, "gates/bias", 2 * hidden, where), _vector(weights, "candidate/bias", hidden, where)
    w_ih, w_hh = torch.cat([x_gates, x_new]), torch.cat([h_gates, h_new])
    return Form("gru", reset_after=False), Direction(w_ih, w_hh, torch.cat(biases))


def _cudnn_gru(weights: Weights, kind: CellKind, where: str) -> tuple[Form, Direction]:
    """CudnnCompatibleGRUCell has the candidate's products apart; r acts on the product."""
    del kind
    gates = _matrix(weights, "gates/kernel", where)
    x_new, h_new = (_matrix(weights, f"candidate/{it}_projection/kernel", where) for it in ("input", "hidden"))
    hidden = h_new.shape[1]
    x_gates, h_gates = _halves(gates, 2 * hidden, hidden, where)
    first, second = (_vector(weights, f"candidate/{it}_projection/bias", hidden, where) for it in ("input", "hidden"))
    b_gates = _vector(weights, "gates/bias", 2 * hidden, where)
    b_ih, b_hh = torch.cat([b_gates, first]), torch.cat([torch.zeros_like(b_gates), second])
    w_ih, w_hh = torch.cat([x_gates, x_new.t()]), torch.cat([h_gates, h_new.t()])
    return Form("gru"), Direction(w_ih, w_hh, b_ih, b_hh)


def _rnn(weights: Weights, kind: CellKind, where: str) -> tuple[Form, Direction]:
    del kind
    kernel = _matrix(weights, "kernel", where)
    hidden = kernel.shape[1]
    return Form("rnn"), Direction(*_halves(kernel, hidden, hidden, where), _vector(weights, "bias", hidden, where))


UNSAID = "assumed, as its variables do not say it: "
LSTM_UNSAID = UNSAID + "tanh, no clipping, and forget_bias={:g}, which the bias of f has here"
KINDS = {
    "basic_lstm_cell": CellKind("BasicLSTMCell", _lstm, LSTM_UNSAID.format(1), 1.0),
    "lstm_cell": CellKind("LSTMCell (or LSTMBlockCell)", _lstm, LSTM_UNSAID.format(1), 1.0),
    "lstm_fused_cell": CellKind("LSTMBlockFusedCell", _lstm, LSTM_UNSAID.format(1), 1.0),
    "cudnn_compatible_lstm_cell": CellKind("CudnnCompatibleLSTMCell", _lstm, LSTM_UNSAID.format(0)),
    "gru_cell": CellKind("GRUCell (or GRUBlockCellV2)", _gru, UNSAID + "tanh"),
    "cudnn_compatible_gru_cell": CellKind("CudnnCompatibleGRUCell", _cudnn_gru, UNSAID + "tanh"),
    "basic_rnn_cell": CellKind("BasicRNNCell", _rnn, UNSAID + "tanh"),
}
"""By the scope that TensorFlow gives to the variables of a cell."""
NAMES = {"weights": "kernel", "biases": "bias", "Matrix": "kernel", "Bias": "bias"}  # before TensorFlow 1.2
WITHIN = ("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag", "projection/kernel", "gates/kernel", "gates/bias",
          "candidate/kernel", "candidate/bias", "candidate/input_projection/kernel", "candidate/input_projection/bias",
          "candidate/hidden_projection/kernel", "candidate/hidden_projection/bias")  # fmt: skip
"""The weights of cells, by their names within one."""


def _matrix(weights: Weights, name: str, where: str) -> Tensor:
    value = weights.get(name)
    if value is None:
        raise DataError(f"{where}: the cell is half: there is no {name} (there is {', '.join(weights)}).")
    if value.dim() != 2 or not value.is_floating_point():
        raise DataError(f"{where}: {name} is of shape {tuple(value.shape)} and {value.dtype}, but should be a matrix.")
    return value


def _vector(weights: Weights, name: str, size: int, where: str) -> Tensor:
    value = weights.get(name)
    if value is None:
        raise DataError(f"{where}: the cell is half: there is no {name} (there is {', '.join(weights)}).")
    if tuple(value.shape) != (size,) or not value.is_floating_point():
        raise DataError(f"{where}: {name} is of shape {tuple(value.shape)} and {value.dtype}, but should be ({size},).")
    return value


def _halves(kernel: Tensor, columns: int, states: int, where: str) -> tuple[Tensor, Tensor]:
    """Return the rows of a kernel that multiply the input, and those for the state, turned."""
    inputs = kernel.shape[0] - states
    if kernel.shape[1] != columns or not columns or inputs <= 0:
        raise DataError(
            f"{where}: a kernel is of shape {tuple(kernel.shape)}, but should be (I + {states}, {columns}) for an "
            f"output of {states}."
        )
    return kernel[:inputs].t(), kernel[inputs:].t()
