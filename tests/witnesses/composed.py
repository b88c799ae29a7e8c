"""The LSTM under the functions from cell to cell.

Zoneout: Krueger et al. (2017), *Zoneout: regularizing RNNs by randomly preserving hidden activations*:

    c_t = d^c * c_{t-1} + (1 - d^c) * (f * c_{t-1} + i * g)
    h_t = d^h * h_{t-1} + (1 - d^h) * (o * tanh(f * c_{t-1} + i * g))

Variational dropout: Gal & Ghahramani (2016), *A theoretically grounded application of dropout in recurrent neural
networks*: i, f, o, g see (h_{t-1} * z) for h_{t-1}, with one z for all of them.

Edited: no paper; c_t and f_t are cut off at a low and a high value per unit before anything sees them.
"""

import numpy as np
from tests.witnesses.paper import Paper, sigmoid, tanh


def _gates(x, h, w):
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ h + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ h + w["b_f"])
    g = tanh(w["W_g"] @ x + w["U_g"] @ h + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ h + w["b_o"])
    return {"i": i, "f": f, "g": g, "o": o}


def _zoneout(x, s, w):
    k = _gates(x, s["h"], w)
    c = k["f"] * s["c"] + k["i"] * k["g"]
    d_h, d_c = w["zoneout_h"], w["zoneout_c"]
    return {"h": d_h * s["h"] + (1 - d_h) * (k["o"] * tanh(c)), "c": d_c * s["c"] + (1 - d_c) * c}, k


def _variational_dropout(x, s, w):
    k = _gates(x, s["h"] * w["dropout"], w)
    c = k["f"] * s["c"] + k["i"] * k["g"]
    return {"h": k["o"] * tanh(c), "c": c}, k


def _cut(v, low, high):
    v = np.where(np.real(v) > np.real(high), high, v)
    v = np.where(np.real(v) == np.real(low), (v + low) / 2, v)  # equal ones share the derivative, as torch.maximum says
    return np.where(np.real(v) < np.real(low), low, v)


def _intervened(x, s, w):
    k = _gates(x, s["h"], w)
    k["f"] = _cut(k["f"], w["f_low"], w["f_high"])
    c = _cut(k["f"] * s["c"] + k["i"] * k["g"], w["c_low"], w["c_high"])
    return {"h": k["o"] * tanh(c), "c": c}, k


def _paper(name, step, masks):
    ifgo = ("i", "f", "g", "o")
    return Paper(name, step, ifgo, ifgo, ("h", "c"), ifgo, masks=masks)


zoneout_lstm = _paper("zoneout(lstm)", _zoneout, ("zoneout_h", "zoneout_c"))
variational_dropout_lstm = _paper("variational_dropout(lstm)", _variational_dropout, ("dropout",))
intervened_lstm = _paper("intervened(lstm)", _intervened, ("c_low", "c_high", "f_low", "f_high"))
