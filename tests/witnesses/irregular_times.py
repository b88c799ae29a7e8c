"""Cells that are given the time between their steps."""

import numpy as np
from tests.witnesses.paper import Paper, relu, sigmoid, tanh


def _cfc(x, s, w):
    """Hasani et al. 2022, eq. 10: x(t) = σ(-f t) ⊙ g + [1 - σ(-f t)] ⊙ h."""
    h = s["h"]
    f = w["W_f"] @ x + w["U_f"] @ h + w["b_f"]
    g = tanh(w["W_g"] @ x + w["U_g"] @ h + w["b_g"])
    k = tanh(w["W_k"] @ x + w["U_k"] @ h + w["b_k"])
    gate = sigmoid(-f * w["dt"])
    return {"h": gate * g + (1 - gate) * k}, {"f": f, "g": g, "k": k, "gate": gate}


cfc = Paper(
    "cfc", _cfc, ("f", "g", "k"), ("f", "g", "k"), ("h",), ("f", "g", "k", "gate"), masks=("dt",), real_masks=True
)


def _time_lstm(x, s, w):
    """Baytas et al. 2017, section 3.2, with g(Δt) = 1 / log(e + Δt)."""
    h, c = s["h"], s["c"]
    short = tanh(w["U_d"] @ c + w["d_d"])
    discounted = short * (1 / np.log(w["dt"].dtype.type(np.e) + w["dt"]))
    long = c - short
    adjusted = long + discounted
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ h + w["b_f"])
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ h + w["b_i"])
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ h + w["b_o"])
    candidate = tanh(w["W_g"] @ x + w["U_g"] @ h + w["b_g"])
    c = f * adjusted + i * candidate
    return {"h": o * tanh(c), "c": c}, {"short": short, "i": i, "f": f, "g": candidate, "o": o}


time_lstm = Paper(
    "time_lstm",
    _time_lstm,
    ("i", "f", "g", "o"),
    ("i", "f", "g", "o", "d"),
    ("h", "c"),
    ("short", "i", "f", "g", "o"),
    masks=("dt",),
    split_bias=("d",),
    real_masks=True,
)


def _gru_d(x, s, w):
    """Che et al. 2018, eq. 10 to 15, for the decay of the hidden state; x is the imputed input beside the mask."""
    gamma = np.exp(-relu(w["decay"]))
    h = gamma * s["h"]
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h + w["b_r"])
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ h + w["b_z"])
    new = tanh(w["W_n"] @ x + w["U_n"] @ (r * h) + w["b_n"])
    return {"h": (1 - z) * h + z * new}, {"kept": h, "r": r, "z": z, "n": new}


gru_d = Paper(
    "gru_d",
    _gru_d,
    ("r", "z", "n"),
    ("r", "z", "n"),
    ("h",),
    ("kept", "r", "z", "n"),
    masks=("decay",),
    real_masks=True,
)
