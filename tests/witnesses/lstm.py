"""The LSTM and its variants.

Hochreiter & Schmidhuber (1997), *Long short-term memory*, with the forget gate of Gers, Schmidhuber & Cummins (2000),
*Learning to forget*:

    i = sigma(W_i x_t + U_i h_{t-1} + b_i)      f, o likewise
    g = tanh(W_g x_t + U_g h_{t-1} + b_g)
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

Peepholes: Gers & Schmidhuber (2000), *Recurrent nets that time and count*; written out by Graves (2013), *Generating
sequences with recurrent neural networks*, equations (7)-(11): i (7) and f (8) look at c_{t-1}, o (10) at c_t, each
through one weight per unit.

Coupled gates (CIFG): Greff et al. (2017), *LSTM: a search space odyssey*: f_t = 1 - i_t.

Projection: Sak, Senior & Beaufays (2014), *Long short-term memory recurrent neural network architectures for large
scale acoustic modeling*: the recurrent vector is r_t = W_rm m_t with m_t = o * tanh(c_t).
"""

from tests.witnesses.paper import Paper, sigmoid, tanh


def _lstm(x, s, w):
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ s["h"] + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ s["h"] + w["b_f"])
    g = tanh(w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ s["h"] + w["b_o"])
    c = f * s["c"] + i * g
    h = o * tanh(c)
    return {"h": h, "c": c}, {"i": i, "f": f, "g": g, "o": o}


def _projected_lstm(x, s, w):
    new, gates = _lstm(x, s, w)
    return {"h": w["w_hr"] @ new["h"], "c": new["c"]}, gates


def _peephole_lstm(x, s, w):
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ s["h"] + w["p_i"] * s["c"] + w["b_i"])
    f = sigmoid(w["W_f"] @ x + w["U_f"] @ s["h"] + w["p_f"] * s["c"] + w["b_f"])
    g = tanh(w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"])
    c = f * s["c"] + i * g
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ s["h"] + w["p_o"] * c + w["b_o"])
    h = o * tanh(c)
    return {"h": h, "c": c}, {"i": i, "f": f, "g": g, "o": o}


def _coupled_lstm(x, s, w):
    i = sigmoid(w["W_i"] @ x + w["U_i"] @ s["h"] + w["b_i"])
    f = 1 - i
    g = tanh(w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"])
    o = sigmoid(w["W_o"] @ x + w["U_o"] @ s["h"] + w["b_o"])
    c = f * s["c"] + i * g
    h = o * tanh(c)
    return {"h": h, "c": c}, {"i": i, "f": f, "g": g, "o": o}


_ifgo = ("i", "f", "g", "o")
lstm = Paper("lstm", _lstm, inputs=_ifgo, recurrent=_ifgo, states=("h", "c"), gates=_ifgo)
projected_lstm = Paper("lstm", _projected_lstm, inputs=_ifgo, recurrent=_ifgo, states=("h", "c"), gates=_ifgo)
peephole_lstm = Paper(
    "peephole_lstm",
    _peephole_lstm,
    inputs=_ifgo,
    recurrent=_ifgo,
    states=("h", "c"),
    gates=_ifgo,
    parameters=("p_i", "p_f", "p_o"),
)
coupled_lstm = Paper(
    "coupled_lstm",
    _coupled_lstm,
    inputs=("i", "g", "o"),
    recurrent=("i", "g", "o"),
    states=("h", "c"),
    gates=_ifgo,
)
