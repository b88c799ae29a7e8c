"""The long short-term memory and close variants."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import sigmoid, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="i f g o",
    states="h c",
    paper="Hochreiter & Schmidhuber 1997; the forget gate: Gers, Schmidhuber & Cummins 2000",
    convention="gates are stacked i f g o, as in torch; Keras stacks i f g o with g called c, ONNX i o f g",
)
def lstm(x: Any, r: Any, s: Any) -> Step:
    """The LSTM with a forget gate.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)     input gate
        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)     forget gate
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)  new memory
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)     output gate
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t          cell state
        h_t = o_t ⊙ tanh(c_t)                    output
    """
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    c = f * s.c + i * g
    h = o * tanh(c)
    return Step(h=h, c=c, gates=dict(i=i, f=f, g=g, o=o))


@cell(
    gates="i f g o",
    states="h c",
    parameters="p_i p_f p_o",
    paper="Gers & Schmidhuber 2000, Recurrent Nets that Time and Count",
    convention="i and f see c_{t-1}, o sees c_t, through one weight per hidden unit; the same in ONNX",
)
def peephole_lstm(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The LSTM with peephole connections: its gates see the cell state.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
        h_t = o_t ⊙ tanh(c_t)
    """
    i = sigmoid(x.i + r.i + p.p_i * s.c)
    f = sigmoid(x.f + r.f + p.p_f * s.c)
    g = tanh(x.g + r.g)
    c = f * s.c + i * g
    o = sigmoid(x.o + r.o + p.p_o * c)
    h = o * tanh(c)
    return Step(h=h, c=c, gates=dict(i=i, f=f, g=g, o=o))


@cell(
    gates="i g o",
    states="h c",
    paper="Greff et al. 2017, LSTM: A Search Space Odyssey (CIFG)",
    convention="the input gate is computed and f = 1 - i; some libraries compute f and take i = 1 - f; "
    "the paper's cell also has peepholes: odyssey_cifg",
)
def coupled_lstm(x: Any, r: Any, s: Any) -> Step:
    """The LSTM with coupled gates, f = 1 - i.

    ::

        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)
        f_t = 1 - i_t
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)
    """
    i, o = sigmoid(x.i + r.i), sigmoid(x.o + r.o)
    f = 1 - i
    g = tanh(x.g + r.g)
    c = f * s.c + i * g
    h = o * tanh(c)
    return Step(h=h, c=c, gates=dict(i=i, f=f, g=g, o=o))
