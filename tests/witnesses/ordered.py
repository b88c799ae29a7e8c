"""The ordered-neurons LSTM: Shen, Tan, Sordoni & Courville (2019), *Ordered neurons*, equations (1) to (11)."""

import numpy as np
from tests.witnesses.paper import Paper, sigmoid, tanh


def _cumax(v):
    e = np.exp(v - np.max(np.real(v)))
    return np.cumsum(e / e.sum())


def _on_lstm(x, s, w):
    h, c = s["h"], s["c"]
    f, i, o = (sigmoid(w[f"W_{k}"] @ x + w[f"U_{k}"] @ h + w[f"b_{k}"]) for k in "fio")
    candidate = tanh(w["W_g"] @ x + w["U_g"] @ h + w["b_g"])
    master_f = _cumax(w["W_forget"] @ x + w["U_forget"] @ h + w["b_forget"])
    master_i = 1 - _cumax(w["W_input"] @ x + w["U_input"] @ h + w["b_input"])
    overlap = master_f * master_i
    f_hat = f * overlap + (master_f - overlap)
    i_hat = i * overlap + (master_i - overlap)
    c = f_hat * c + i_hat * candidate
    gates = {"forget": master_f, "input": master_i, "i": i, "f": f, "g": candidate, "o": o, "both": overlap}
    return {"h": o * tanh(c), "c": c}, gates


_GATES = ("i", "f", "g", "o", "forget", "input")
on_lstm = Paper("on_lstm", _on_lstm, _GATES, _GATES, ("h", "c"), ("forget", "input", "i", "f", "g", "o", "both"))
