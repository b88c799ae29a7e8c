"""The sLSTM: Beck et al. (2024), *xLSTM*, equations (8) to (17): exponential gating with a stabiliser.

    m_t = max(log f_t + m_{t-1}, log i_t),  i'_t = exp(log i_t - m_t),  f'_t = exp(log f_t + m_{t-1} - m_t)
    c_t = f'_t c_{t-1} + i'_t z_t,  n_t = f'_t n_{t-1} + i'_t,  h_t = o_t c_t / n_t

with f = sigma(.) and i = exp(.). Where n_{t-1} = 0, c_{t-1} is 0 too: there is no past, and m_t = log i_t (as the
authors' code has it, in which m begins with the first input gate).
"""

import numpy as np
from tests.witnesses.paper import Paper, sigmoid, tanh


def _slstm(x, s, w):
    h, c, n, m = (s[name] for name in ("h", "c", "n", "m"))
    before = {k: w[f"W_{k}"] @ x + w[f"U_{k}"] @ h + w[f"b_{k}"] for k in "ifzo"}
    log_i, log_f = before["i"], -np.log(1 + np.exp(-before["f"]))
    z, o = tanh(before["z"]), sigmoid(before["o"])
    kept = np.where(np.real(n) > 0, log_f + m, log_i)
    m = np.where(np.real(kept) > np.real(log_i), kept, log_i)
    i, f = np.exp(log_i - m), np.exp(kept - m)
    c, n = f * c + i * z, f * n + i
    gates = {"log_i": log_i, "log_f": log_f, "z": z, "o": o, "kept": kept, "i": i, "f": f}
    return {"h": o * c / n, "c": c, "n": n, "m": m}, gates


_GATES = ("i", "f", "z", "o")
slstm = Paper(
    "slstm",
    _slstm,
    _GATES,
    _GATES,
    ("h", "c", "n", "m"),
    ("log_i", "log_f", "z", "o", "kept", "i", "f"),
    positive=("n",),
)
