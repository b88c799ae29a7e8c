"""Light units.

JANET: van der Westhuizen & Lasenby (2018), *The unreasonable effectiveness of the forget gate*, with beta = 1:

    s_t = U_f h_{t-1} + W_f x_t + b_f
    c~_t = tanh(U_c h_{t-1} + W_c x_t + b_c)
    c_t = sigma(s_t) * c_{t-1} + (1 - sigma(s_t - beta)) * c~_t
    h_t = c_t

Their c~ is called n here. Li-GRU: Ravanelli, Brakel, Omologo & Bengio (2018), *Light gated recurrent units for speech
recognition*, without batch normalisation:

    z_t = sigma(W_z x_t + U_z h_{t-1} + b_z)
    h~_t = ReLU(W_h x_t + U_h h_{t-1} + b_h)
    h_t = z_t * h_{t-1} + (1 - z_t) * h~_t

SRU: Lei, Zhang, Wang, Dai & Artzi (2018), *Simple recurrent units for highly parallelizable recurrence*, equations
(1)-(4), with the highway's input through a matrix of its own:

    f_t = sigma(W_f x_t + v_f * c_{t-1} + b_f)
    c_t = f_t * c_{t-1} + (1 - f_t) * (W x_t)
    r_t = sigma(W_r x_t + v_r * c_{t-1} + b_r)
    h_t = r_t * c_t + (1 - r_t) * x_t
"""

from tests.witnesses.paper import Paper, relu, sigmoid, tanh


def _janet(x, s, w):
    beta = 1
    before = w["U_f"] @ s["h"] + w["W_f"] @ x + w["b_f"]
    new = tanh(w["U_n"] @ s["h"] + w["W_n"] @ x + w["b_n"])
    f, i = sigmoid(before), 1 - sigmoid(before - beta)
    return {"h": f * s["h"] + i * new}, {"f": f, "i": i, "n": new}


def _li_gru(x, s, w):
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ s["h"] + w["b_z"])
    new = relu(w["W_n"] @ x + w["U_n"] @ s["h"] + w["b_n"])
    return {"h": z * s["h"] + (1 - z) * new}, {"z": z, "n": new}


def _sru(x, s, w):
    f = sigmoid(w["W_f"] @ x + w["v_f"] * s["c"] + w["b_f"])
    c = f * s["c"] + (1 - f) * (w["W_n"] @ x)
    r = sigmoid(w["W_r"] @ x + w["v_r"] * s["c"] + w["b_r"])
    return {"h": r * c + (1 - r) * (w["W_h"] @ x), "c": c}, {"n": w["W_n"] @ x, "f": f, "r": r}


janet = Paper("janet", _janet, inputs=("f", "n"), recurrent=("f", "n"), states=("h",), gates=("f", "i", "n"))
li_gru = Paper("li_gru", _li_gru, inputs=("z", "n"), recurrent=("z", "n"), states=("h",), gates=("z", "n"))
sru = Paper(
    "sru",
    _sru,
    inputs=("n", "f", "r", "h"),
    recurrent=(),
    states=("h", "c"),
    gates=("n", "f", "r"),
    parameters=("v_f", "v_r", "b_f", "b_r"),
    biased=False,
)
