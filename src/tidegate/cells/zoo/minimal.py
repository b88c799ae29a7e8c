"""Cells with fewer gates, or without a recurrent product."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import relu, sigmoid, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="f n",
    states="h",
    paper="Zhou et al. 2016, Minimal Gated Unit for Recurrent Neural Networks",
    convention="f also resets, before the product; f lets the new in",
)
def mgu(x: Any, r: Any, s: Any) -> Step:
    """The minimal gated unit: one gate for reset and update.

    ::

        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
        n_t = tanh(W_n x_t + U_n (f_t ⊙ h_{t-1}) + b_n)
        h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t
    """
    f = sigmoid(x.f + r.f)
    n = tanh(x.n + r("n", f * s.h))
    h = (1 - f) * s.h + f * n
    return Step(h=h, gates=dict(f=f, n=n))


@cell(
    gates="g n",
    states="h",
    paper="Collins, Sohl-Dickstein & Sussillo 2017, Capacity and Trainability in Recurrent Neural Networks",
    convention="g keeps the past",
)
def ugrnn(x: Any, r: Any, s: Any) -> Step:
    """The update gate RNN: a simple RNN with one gate.

    ::

        g_t = σ(W_g x_t + U_g h_{t-1} + b_g)
        n_t = tanh(W_n x_t + U_n h_{t-1} + b_n)
        h_t = g_t ⊙ h_{t-1} + (1 - g_t) ⊙ n_t
    """
    g = sigmoid(x.g + r.g)
    n = tanh(x.n + r.n)
    h = g * s.h + (1 - g) * n
    return Step(h=h, gates=dict(g=g, n=n))


@cell(
    gates="z n",
    states="h",
    paper="Feng et al. 2024, Were RNNs All We Needed?",
    convention="z lets the new in; the plain form, without the paper's log-space g(·) on n",
)
def min_gru(x: Any, s: Any) -> Step:
    """The minimal GRU: its gates do not see the past, so there is no recurrent product.

    ::

        z_t = σ(W_z x_t + b_z)
        n_t = W_n x_t + b_n
        h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t
    """
    z, n = sigmoid(x.z), x.n
    h = (1 - z) * s.h + z * n
    return Step(h=h, gates=dict(z=z, n=n))


@cell(
    gates="f i n",
    states="h",
    paper="Feng et al. 2024, Were RNNs All We Needed?",
    convention="f and i are normalised to sum to one; the plain form, without the paper's log-space g(·) on n",
)
def min_lstm(x: Any, s: Any) -> Step:
    """The minimal LSTM: its gates do not see the past, so there is no recurrent product.

    ::

        f_t = σ(W_f x_t + b_f)
        i_t = σ(W_i x_t + b_i)
        n_t = W_n x_t + b_n
        h_t = f_t / (f_t + i_t) ⊙ h_{t-1} + i_t / (f_t + i_t) ⊙ n_t
    """
    f, i, n = sigmoid(x.f), sigmoid(x.i), x.n
    total = f + i
    h = f / total * s.h + i / total * n
    return Step(h=h, gates=dict(f=f, i=i, n=n))


@cell(
    gates="h",
    states="h",
    parameters="u",
    paper="Li et al. 2018, Independently Recurrent Neural Network (IndRNN)",
)
def indrnn(x: Any, s: Any, p: Any) -> Step:
    """The independently recurrent network: each hidden unit sees only its own past.

    ::

        h_t = relu(W_h x_t + u ⊙ h_{t-1} + b_h)
    """
    return Step(h=relu(x.h + p.u * s.h))
