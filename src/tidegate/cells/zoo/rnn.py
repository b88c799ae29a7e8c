"""The simple recurrent network."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import relu, tanh
from tidegate.cells.language.step import Step


@cell(gates="h", states="h", paper="Elman 1990, Finding Structure in Time")
def rnn_tanh(x: Any, r: Any) -> Step:
    """h_t = tanh(W_h x_t + U_h h_{t-1} + b_h)."""
    return Step(h=tanh(x.h + r.h))


@cell(
    gates="h",
    states="h",
    paper="Elman 1990; the rectifier: Le, Jaitly & Hinton 2015, A Simple Way to Initialize Recurrent Networks",
)
def rnn_relu(x: Any, r: Any) -> Step:
    """h_t = relu(W_h x_t + U_h h_{t-1} + b_h)."""
    return Step(h=relu(x.h + r.h))
