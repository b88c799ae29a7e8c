"""The LSTM with layer normalisation.

Ba, Kiros & Hinton (2016), *Layer normalization*, supplementary material, equations (20)-(22):

    (f, i, o, g) = LN(W_h h_{t-1}; alpha_1, beta_1) + LN(W_x x_t; alpha_2, beta_2) + b
    c_t = sigma(f) * c_{t-1} + sigma(i) * tanh(g)
    h_t = sigma(o) * tanh(LN(c_t; alpha_3, beta_3))

    LN(z; alpha, beta) = (z - mu) / sigma * alpha + beta,  mu = mean(z),  sigma = sqrt(mean((z - mu)^2))

with LN over the units of each gate, and with the 1e-5 under the root of the authors' code. beta_1 + beta_2 + b is one
vector b_k here, since the three cannot be told apart.
"""

import numpy as np
from tests.witnesses.paper import Paper, sigmoid, tanh


def _ln(z, alpha, beta):
    mu = np.sum(z) / len(z)
    variance = np.sum((z - mu) * (z - mu)) / len(z)
    return (z - mu) / np.sqrt(variance + z.dtype.type(1e-5)) * alpha + beta


def _layer_norm_lstm(x, s, w):
    before = {
        k: _ln(w[f"U_{k}"] @ s["h"], w[f"gain_h{k}"], w[f"b_{k}"]) + _ln(w[f"W_{k}"] @ x, w[f"gain_x{k}"], 0)
        for k in "ifgo"
    }
    i, f, g, o = sigmoid(before["i"]), sigmoid(before["f"]), tanh(before["g"]), sigmoid(before["o"])
    c = f * s["c"] + i * g
    h = o * tanh(_ln(c, w["gain_c"], w["b_c"]))
    return {"h": h, "c": c}, {"i": i, "f": f, "g": g, "o": o}


_ifgo = ("i", "f", "g", "o")
layer_norm_lstm = Paper(
    "layer_norm_lstm",
    _layer_norm_lstm,
    inputs=_ifgo,
    recurrent=_ifgo,
    states=("h", "c"),
    gates=_ifgo,
    parameters=(
        *(f"gain_x{k}" for k in _ifgo),
        *(f"gain_h{k}" for k in _ifgo),
        "gain_c",
        *(f"b_{k}" for k in _ifgo),
        "b_c",
    ),
    biased=False,
)
