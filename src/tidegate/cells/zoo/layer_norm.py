"""The LSTM with layer normalisation."""

from typing import Any

from tidegate.cells.cell import cell
from tidegate.cells.language.operations import normalize, sigmoid, tanh
from tidegate.cells.language.step import Step


@cell(
    gates="i f g o",
    states="h c",
    parameters="gain_xi=1 gain_xf=1 gain_xg=1 gain_xo=1 gain_hi=1 gain_hf=1 gain_hg=1 gain_ho=1 gain_c=1 "
    "b_i=0 b_f=0 b_g=0 b_o=0 b_c=0",
    bias=False,
    paper="Ba, Kiros & Hinton 2016, Layer Normalization",
    convention="each gate is normalised over its own hidden units, in the paper over those of all four gates together; "
    "b_k is the sum of the paper's three biases of gate k; h_t uses the normalised c_t, c_{t+1} the plain one",
)
def layer_norm_lstm(x: Any, r: Any, s: Any, p: Any) -> Step:
    """The LSTM with layer normalisation of input part, recurrent product and cell state.

    ::

        i_t = σ(gain_xi ⊙ normalize(W_i x_t) + gain_hi ⊙ normalize(U_i h_{t-1}) + b_i)
        f_t = σ(gain_xf ⊙ normalize(W_f x_t) + gain_hf ⊙ normalize(U_f h_{t-1}) + b_f)
        g_t = tanh(gain_xg ⊙ normalize(W_g x_t) + gain_hg ⊙ normalize(U_g h_{t-1}) + b_g)
        o_t = σ(gain_xo ⊙ normalize(W_o x_t) + gain_ho ⊙ normalize(U_o h_{t-1}) + b_o)
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
        h_t = o_t ⊙ tanh(gain_c ⊙ normalize(c_t) + b_c)

    normalize(v) is (v - mean) / sqrt(variance + 1e-5) over the H hidden units of v: of one gate's part, or of c_t.
    Gains are initially 1 and biases 0, as in the paper.
    """
    i = sigmoid(p.gain_xi * normalize(x.i) + p.gain_hi * normalize(r.i) + p.b_i)
    f = sigmoid(p.gain_xf * normalize(x.f) + p.gain_hf * normalize(r.f) + p.b_f)
    g = tanh(p.gain_xg * normalize(x.g) + p.gain_hg * normalize(r.g) + p.b_g)
    o = sigmoid(p.gain_xo * normalize(x.o) + p.gain_ho * normalize(r.o) + p.b_o)
    c = f * s.c + i * g
    h = o * tanh(p.gain_c * normalize(c) + p.b_c)
    return Step(h=h, c=c, gates=dict(i=i, f=f, g=g, o=o))
