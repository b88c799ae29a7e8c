"""Hidden units in an order: the first ones forget first."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import cumsum, sigmoid, softmax, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="i f g o forget input",
    states="h c",
    paper="Shen et al. 2019, Ordered Neurons",
    convention="a chunk of the master gates is one hidden unit; cumax(v) = cumsum(softmax(v)) over all of them",
)
def on_lstm(x: Any, r: Any, s: Any) -> Step:
    """The ordered-neurons LSTM: its master gates rise along the hidden units, so that each level implies the next.

    ::

        forget_t = cumsum(softmax(W_forget x_t + U_forget h_{t-1} + b_forget))     keeps the units from a level on
        input_t = 1 - cumsum(softmax(W_input x_t + U_input h_{t-1} + b_input))     writes the units up to a level
        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
        both_t = forget_t ⊙ input_t
        c_t = (f_t ⊙ both_t + forget_t - both_t) ⊙ c_{t-1} + (i_t ⊙ both_t + input_t - both_t) ⊙ g_t
        h_t = o_t ⊙ tanh(c_t)
    """
    forget, write = cumsum(softmax(x.forget + r.forget)), 1 - cumsum(softmax(x.input + r.input))
    i, f, o = sigmoid(x.i + r.i), sigmoid(x.f + r.f), sigmoid(x.o + r.o)
    g = tanh(x.g + r.g)
    both = forget * write
    c = (f * both + forget - both) * s.c + (i * both + write - both) * g
    return Step(h=o * tanh(c), c=c, gates=dict(forget=forget, input=write, i=i, f=f, g=g, o=o, both=both))
