"""The two published GRUs, the two readings of z, and two units that came from them.

Reset before the product, z keeps: Cho et al. (2014), *Learning phrase representations using RNN encoder-decoder for
statistical machine translation*, equations (5)-(8):

    r = sigma(W_r x + U_r h_{t-1})                     (5)
    z = sigma(W_z x + U_z h_{t-1})                     (6)
    h_t = z * h_{t-1} + (1 - z) * n                    (7)
    n = tanh(W x + U (r * h_{t-1}))                    (8)

Reset before the product, z lets the new in: Chung et al. (2014), *Empirical evaluation of gated recurrent neural
networks on sequence modeling*, section 3.2: h_t = (1 - z) * h_{t-1} + z * n, all else as above.

Reset after the product, z keeps: the cuDNN and torch.nn.GRU documentation (and the first version of Cho et al., arXiv
1406.1078v1): n = tanh(W_n x + b_n + r * (U_n h_{t-1} + d_n)). Here the two biases of n are not interchangeable.

MGU: Zhou, Wu, Zhang & Zhou (2016), *Minimal gated unit for recurrent neural networks*:

    f = sigma(W_f x + U_f h_{t-1} + b_f)
    n = tanh(W_n x + U_n (f * h_{t-1}) + b_n)
    h_t = (1 - f) * h_{t-1} + f * n

UGRNN: Collins, Sohl-Dickstein & Sussillo (2017), *Capacity and trainability in recurrent neural networks*; their c is
called n here, as the candidates of the other units are:

    n = tanh(W_n x + U_n h_{t-1} + b_n)
    g = sigma(W_g x + U_g h_{t-1} + b_g)
    h_t = g * h_{t-1} + (1 - g) * n
"""

from tests.witnesses.paper import Paper, sigmoid, tanh


def _reset_and_update(x, h, w):
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h + w["b_r"])
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ h + w["b_z"])
    return r, z


def _gru(x, s, w):
    r, z = _reset_and_update(x, s["h"], w)
    n = tanh(w["W_n"] @ x + w["b_n"] + r * (w["U_n"] @ s["h"] + w["d_n"]))
    return {"h": z * s["h"] + (1 - z) * n}, {"r": r, "z": z, "n": n}


def _gru_z_new(x, s, w):
    r, z = _reset_and_update(x, s["h"], w)
    n = tanh(w["W_n"] @ x + w["b_n"] + r * (w["U_n"] @ s["h"] + w["d_n"]))
    return {"h": (1 - z) * s["h"] + z * n}, {"r": r, "z": z, "n": n}


def _gru_original(x, s, w):
    r, z = _reset_and_update(x, s["h"], w)
    n = tanh(w["W_n"] @ x + w["U_n"] @ (r * s["h"]) + w["b_n"])
    return {"h": z * s["h"] + (1 - z) * n}, {"r": r, "z": z, "n": n}


def _gru_original_z_new(x, s, w):
    r, z = _reset_and_update(x, s["h"], w)
    n = tanh(w["W_n"] @ x + w["U_n"] @ (r * s["h"]) + w["b_n"])
    return {"h": (1 - z) * s["h"] + z * n}, {"r": r, "z": z, "n": n}


def _mgu(x, s, w):
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ s["h"] + w["b_f"])
    n = tanh(w["W_n"] @ x + w["U_n"] @ (f * s["h"]) + w["b_n"])
    return {"h": (1 - f) * s["h"] + f * n}, {"f": f, "n": n}


def _ugrnn(x, s, w):
    n = tanh(w["W_n"] @ x + w["U_n"] @ s["h"] + w["b_n"])
    g = sigmoid(w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"])
    return {"h": g * s["h"] + (1 - g) * n}, {"g": g, "n": n}


_rzn = ("r", "z", "n")
gru = Paper("gru", _gru, inputs=_rzn, recurrent=_rzn, states=("h",), gates=_rzn, split_bias=("n",))
gru_z_new = Paper("gru_z_new", _gru_z_new, inputs=_rzn, recurrent=_rzn, states=("h",), gates=_rzn, split_bias=("n",))
gru_original = Paper("gru_original", _gru_original, inputs=_rzn, recurrent=_rzn, states=("h",), gates=_rzn)
gru_original_z_new = Paper(
    "gru_original_z_new", _gru_original_z_new, inputs=_rzn, recurrent=_rzn, states=("h",), gates=_rzn
)
mgu = Paper("mgu", _mgu, inputs=("f", "n"), recurrent=("f", "n"), states=("h",), gates=("f", "n"))
ugrnn = Paper("ugrnn", _ugrnn, inputs=("g", "n"), recurrent=("g", "n"), states=("h",), gates=("g", "n"))
