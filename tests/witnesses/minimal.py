"""Tokenizer whose gates do not look at the past.

Feng et al. (2024), *Were RNNs all we needed?*. minGRU:

    z = sigma(W_z x_t + b_z)
    n = W_n x_t + b_n
    h_t = (1 - z) * h_{t-1} + z * n

minLSTM:

    f = sigma(W_f x_t + b_f),  i = sigma(W_i x_t + b_i)
    n = W_n x_t + b_n
    f' = f / (f + i),  i' = i / (f + i)
    h_t = f' * h_{t-1} + i' * n
"""

from tests.witnesses.paper import Paper, sigmoid


def _min_gru(x, s, w):
    z = sigmoid(w["W_z"] @ x + w["b_z"])
    n = w["W_n"] @ x + w["b_n"]
    return {"h": (1 - z) * s["h"] + z * n}, {"z": z, "n": n}


def _min_lstm(x, s, w):
    f = sigmoid(w["W_f"] @ x + w["b_f"])
    i = sigmoid(w["W_i"] @ x + w["b_i"])
    n = w["W_n"] @ x + w["b_n"]
    f_prime = f / (f + i)
    i_prime = i / (f + i)
    return {"h": f_prime * s["h"] + i_prime * n}, {"f": f, "i": i, "n": n}


min_gru = Paper("min_gru", _min_gru, inputs=("z", "n"), recurrent=(), states=("h",), gates=("z", "n"))
min_lstm = Paper("min_lstm", _min_lstm, inputs=("f", "i", "n"), recurrent=(), states=("h",), gates=("f", "i", "n"))
