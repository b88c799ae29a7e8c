"""ONNX's LSTM, GRU and RNN as its documentation has them, in NumPy and float64."""

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def tanh(a: np.ndarray) -> np.ndarray:
    return np.tanh(a)


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "Sigmoid": sigmoid,
    "Tanh": tanh,
    "Relu": lambda a: np.maximum(a, 0),
    "Affine": lambda a, alpha, beta: alpha * a + beta,
    "LeakyRelu": lambda a, alpha: np.where(a < 0, alpha * a, a),
    "ThresholdedRelu": lambda a, alpha: np.where(a > alpha, a, 0),
    "ScaledTanh": lambda a, alpha, beta: alpha * np.tanh(beta * a),
    "HardSigmoid": lambda a, alpha, beta: np.clip(alpha * a + beta, 0, 1),
    "Elu": lambda a, alpha: np.where(a < 0, alpha * (np.exp(a) - 1), a),
    "Softsign": lambda a: a / (1 + np.abs(a)),
    "Softplus": lambda a: np.log1p(np.exp(a)),
}


def lstm(x: Any, w: Any, r: Any, b: Any, p: Any, f: list[Function], *, forget: bool, **_: Any) -> np.ndarray:
    """(T, N, I) to (T, N, H): gates i o f c, peepholes i o f."""
    h = c = np.zeros((x.shape[1], r.shape[1]))
    p_i, p_o, p_f = np.split(p, 3)
    found = []
    for row in x:
        i, o, a_f, a_c = np.split(row @ w.T + h @ r.T + b.sum(0), 4, 1)
        i = f[0](i + p_i * c)
        kept = 1 - i if forget else f[0](a_f + p_f * c)
        c = kept * c + i * f[1](a_c)
        h = f[0](o + p_o * c) * f[2](c)
        found.append(h)
    return np.stack(found)


def gru(x: Any, w: Any, r: Any, b: Any, p: Any, f: list[Function], *, after: bool, **_: Any) -> np.ndarray:
    """Gates z r h."""
    h, found = np.zeros((x.shape[1], r.shape[1])), []
    (w_z, w_r, w_h), (r_z, r_r, r_h) = np.split(w, 3), np.split(r, 3)
    (b_z, b_r, b_h), (d_z, d_r, d_h) = np.split(b[0], 3), np.split(b[1], 3)
    for row in x:
        z = f[0](row @ w_z.T + h @ r_z.T + b_z + d_z)
        reset = f[0](row @ w_r.T + h @ r_r.T + b_r + d_r)
        inner = reset * (h @ r_h.T + d_h) if after else (reset * h) @ r_h.T + d_h
        h = (1 - z) * f[1](row @ w_h.T + inner + b_h) + z * h
        found.append(h)
    return np.stack(found)


def rnn(x: Any, w: Any, r: Any, b: Any, p: Any, f: list[Function], **_: Any) -> np.ndarray:
    h, found = np.zeros((x.shape[1], r.shape[1])), []
    for row in x:
        h = f[0](row @ w.T + h @ r.T + b.sum(0))
        found.append(h)
    return np.stack(found)


LAYERS = {
    "LSTM": (lstm, 4, ["Sigmoid", "Tanh", "Tanh"]),
    "GRU": (gru, 3, ["Sigmoid", "Tanh"]),
    "RNN": (rnn, 1, ["Tanh"]),
}


def outputs(kind: str, x: np.ndarray, weights: dict[str, np.ndarray], **attributes: Any) -> np.ndarray:
    """(T, N, I) to (T, N, D H), directions side by side, backward outputs turned back."""
    layer, gates, standard = LAYERS[kind]
    bound = attributes.get("clip", np.inf)
    way, ways = attributes.get("direction", "forward"), len(weights["W"])
    names = [it.lower() for it in attributes.get("activations", standard * ways)]
    numbers = [list(attributes.get(f"activation_{it}", [])) for it in ("alpha", "beta")]
    known = {name.lower(): own for name, own in FUNCTIONS.items()}

    def function(n: int) -> Function:
        own = known[names[n]]
        given = [numbers[k].pop(0) for k in range(own.__code__.co_argcount - 1)]
        limit = np.inf if n % len(standard) == 2 else bound  # what o shows of c is not bounded
        return lambda a: own(np.clip(a, -limit, limit), *given)

    functions, found = [function(n) for n in range(len(names))], []
    for n in range(ways):
        w, r = weights["W"][n].astype(np.float64), weights["R"][n].astype(np.float64)
        rows = gates * r.shape[1]
        b = weights["B"][n].astype(np.float64).reshape(2, -1) if "B" in weights else np.zeros((2, rows))
        p = weights["P"][n].astype(np.float64) if "P" in weights else np.zeros(3 * r.shape[1])
        own = functions[len(standard) * n :][: len(standard)]
        turned = way == "reverse" or n == 1
        options = dict(forget=bool(attributes.get("input_forget")), after=bool(attributes.get("linear_before_reset")))
        y = layer(x[::-1] if turned else x, w, r, b, p, own, **options)
        found.append(y[::-1] if turned else y)
    return np.concatenate(found, -1)
