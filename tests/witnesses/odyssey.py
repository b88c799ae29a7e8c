"""The variants of the LSTM in Greff et al. (2017), *LSTM: a search space odyssey*.

Greff, Srivastava, Koutník, Steunebrink & Schmidhuber, IEEE Transactions on Neural Networks and Learning Systems 28.

The vanilla LSTM (their z is g here, their y is h):

    z = g(W_z x + R_z y_{t-1} + b_z)                           g = h = tanh
    i = sigma(W_i x + R_i y_{t-1} + p_i * c_{t-1} + b_i)
    f = sigma(W_f x + R_f y_{t-1} + p_f * c_{t-1} + b_f)
    c = z * i + c_{t-1} * f
    o = sigma(W_o x + R_o y_{t-1} + p_o * c + b_o)
    y = h(c) * o

NIG: i = 1. NFG: f = 1. NOG: o = 1. NIAF: g(x) = x. NOAF: h(x) = x. CIFG: f = 1 - i. FGR adds to i
R_ii i_{t-1} + R_fi f_{t-1} + R_oi o_{t-1}, and likewise to f and o.
"""

from tests.witnesses.paper import Paper, sigmoid, tanh


def _vanilla(without: str):
    """One step, with the variant's one change made where it is told."""

    def step(x, s, w):
        def recurrence(k):
            if without != "FGR":
                return 0
            return w[f"U_i{k}"] @ s["i"] + w[f"U_f{k}"] @ s["f"] + w[f"U_o{k}"] @ s["o"] + _biases(w, k)

        def gate(k, c):
            return sigmoid(w[f"W_{k}"] @ x + w[f"U_{k}"] @ s["h"] + w[f"p_{k}"] * c + w[f"b_{k}"] + recurrence(k))

        z = w["W_g"] @ x + w["U_g"] @ s["h"] + w["b_g"]
        if without != "NIAF":
            z = tanh(z)
        i = 1 if without == "NIG" else gate("i", s["c"])
        f = 1 if without == "NFG" else 1 - i if without == "CIFG" else gate("f", s["c"])
        c = z * i + s["c"] * f
        o = 1 if without == "NOG" else gate("o", c)
        h = (c if without == "NOAF" else tanh(c)) * o
        gates = {"i": i, "f": f, "g": z, "o": o}
        if without == "FGR":
            return {"h": h, "c": c, "i": i, "f": f, "o": o}, {"g": z}
        return {"h": h, "c": c}, {k: v for k, v in gates.items() if not isinstance(v, int)}

    return step


def _biases(w, k):
    """The engine takes a bias for every product; the paper has none for these, they are added to the gate's."""
    return w[f"d_i{k}"] + w[f"d_f{k}"] + w[f"d_o{k}"]


def _paper(variant: str, weights: str, gates: str) -> Paper:
    peepholes = tuple(f"p_{k}" for k in weights.split() if k != "g")
    name, names = f"odyssey_{variant.lower()}", tuple(weights.split())
    return Paper(name, _vanilla(variant), names, names, ("h", "c"), tuple(gates.split()), peepholes)


odyssey_nig = _paper("NIG", "f g o", "f g o")
odyssey_nfg = _paper("NFG", "i g o", "i g o")
odyssey_nog = _paper("NOG", "i f g", "i f g")
odyssey_niaf = _paper("NIAF", "i f g o", "i f g o")
odyssey_noaf = _paper("NOAF", "i f g o", "i f g o")
odyssey_cifg = _paper("CIFG", "i g o", "i f g o")
_NINE = ("ii", "fi", "oi", "if", "ff", "of", "io", "fo", "oo")
odyssey_fgr = Paper(
    "odyssey_fgr",
    _vanilla("FGR"),
    inputs=("i", "f", "g", "o"),
    recurrent=("i", "f", "g", "o", *_NINE),
    states=("h", "c", "i", "f", "o"),
    gates=("g",),
    parameters=("p_i", "p_f", "p_o"),
    split_bias=_NINE,
)
