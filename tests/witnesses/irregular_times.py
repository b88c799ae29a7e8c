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


def _phased_lstm(x, s, w):
    """Neil, Pfeiffer & Liu 2016, eq. 6 to 11, with τ = exp(log_period) and s = shift τ."""
    h, c, time = s["h"], s["c"], s["time"] + w["dt"]
    tau = np.exp(w["log_period"])
    elapsed = time - w["shift"] * tau
    phase = (elapsed - tau * np.floor(np.real(elapsed / tau))) / tau
    r_on, alpha = w["ratio"], 0.001
    at = np.real(phase)
    opening, closing = 2 * phase / r_on, 2 - 2 * phase / r_on
    k = np.where(at < np.real(r_on), np.where(at < np.real(r_on) / 2, opening, closing), alpha * phase)
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ h + w["p_i"] * c + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ h + w["p_f"] * c + w["b_f"])
    g = tanh(w["W_g"] @ x + w["U_g"] @ h + w["b_g"])
    new = f * c + i * g
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ h + w["p_o"] * new + w["b_o"])
    states = {"h": k * (o * tanh(new)) + (1 - k) * h, "c": k * new + (1 - k) * c, "time": time}
    return states, {"phase": phase, "k": k, "i": i, "f": f, "g": g, "new": new, "o": o}


phased_lstm = Paper(
    "phased_lstm",
    _phased_lstm,
    ("i", "f", "g", "o"),
    ("i", "f", "g", "o"),
    ("h", "c", "time"),
    ("phase", "k", "i", "f", "g", "new", "o"),
    ("p_i", "p_f", "p_o", "log_period", "shift", "ratio"),
    masks=("dt",),
    real_masks=True,
)
