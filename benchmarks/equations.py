"""The cells as written without Tidegate, for a loop in PyTorch and for ``jax.lax.scan``.

They are written for speed: what does not depend on the state is computed for all steps at once, with the biases where
that is equivalent, and each step has as few products as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

State = tuple[Any, ...]
StepFunction = Callable[[Any, State], State]


@dataclass(frozen=True)
class Library:
    """The operations that the equations need of an array library; w is (outputs, inputs).

    Attributes:
        linear: (x, w, b) to x wᵀ + b.
        plus: (a, x, w) to a + x wᵀ.
        split: (a, n) to n equal parts of the last axis.
        sigmoid: 1 / (1 + exp(-a)).
        tanh: the hyperbolic tangent.
    """

    linear: Callable[[Any, Any, Any], Any]
    plus: Callable[[Any, Any, Any], Any]
    split: Callable[[Any, int], Any]
    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]


def rnn_tanh(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """Elman's network."""

    def step(x: Any, state: State) -> State:
        return (lib.tanh(lib.plus(x, state[0], w["weight_hh_l0"])),)

    return step


def lstm(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """torch's LSTM."""

    def step(x: Any, state: State) -> State:
        h, c = state
        i, f, g, o = lib.split(lib.plus(x, h, w["weight_hh_l0"]), 4)
        c = lib.sigmoid(f) * c + lib.sigmoid(i) * lib.tanh(g)
        return lib.sigmoid(o) * lib.tanh(c), c

    return step


def peephole_lstm(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """Gers and Schmidhuber's LSTM."""
    p_i, p_f, p_o = (w[f"unit_p_{gate}_l0"] for gate in "ifo")

    def step(x: Any, state: State) -> State:
        h, c = state
        i, f, g, o = lib.split(lib.plus(x, h, w["weight_hh_l0"]), 4)
        c_new = lib.sigmoid(f + p_f * c) * c + lib.sigmoid(i + p_i * c) * lib.tanh(g)
        return lib.sigmoid(o + p_o * c_new) * lib.tanh(c_new), c_new

    return step


def coupled_lstm(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """The LSTM with f = 1 - i."""

    def step(x: Any, state: State) -> State:
        h, c = state
        i, g, o = lib.split(lib.plus(x, h, w["weight_hh_l0"]), 3)
        i = lib.sigmoid(i)
        c = (1 - i) * c + i * lib.tanh(g)
        return lib.sigmoid(o) * lib.tanh(c), c

    return step


def gru(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """torch's GRU."""

    def step(x: Any, state: State) -> State:
        (h,) = state
        x_r, x_z, x_n = lib.split(x, 3)
        u_r, u_z, u_n = lib.split(lib.linear(h, w["weight_hh_l0"], w["bias_hh_l0"]), 3)
        z = lib.sigmoid(x_z + u_z)
        n = lib.tanh(x_n + lib.sigmoid(x_r + u_r) * u_n)
        return (n + z * (h - n),)

    return step


def gru_original(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """The GRU of Cho et al."""
    u = w["weight_hh_l0"]
    cut = 2 * u.shape[1]
    u_rz, u_n = u[:cut], u[cut:]

    def step(x: Any, state: State) -> State:
        (h,) = state
        r, z = lib.split(lib.sigmoid(lib.plus(x[:, :cut], h, u_rz)), 2)
        n = lib.tanh(lib.plus(x[:, cut:], r * h, u_n))
        return (n + z * (h - n),)

    return step


def own_cell(lib: Library, w: Mapping[str, Any]) -> StepFunction:
    """The user's own cell of `benchmarks.layers`."""
    u = w["weight_hh_l0"]
    cut = u.shape[1]
    u_k, u_n = u[:cut], u[cut:]

    def step(x: Any, state: State) -> State:
        (h,) = state
        k = lib.sigmoid(lib.plus(x[:, :cut], h, u_k))
        kept = k * h
        n = lib.tanh(lib.plus(x[:, cut:], kept, u_n))
        return (kept + (1 - k) * n,)

    return step


STEPS = {f.__name__: f for f in (rnn_tanh, lstm, peephole_lstm, coupled_lstm, gru, gru_original, own_cell)}
STATES = {name: 2 if name.endswith("lstm") else 1 for name in STEPS}


def input_part(lib: Library, name: str, w: Mapping[str, Any], x: Any) -> Any:
    """Compute W x_t + b for all steps at once, with the second bias where it is only added."""
    if "bias_l0" in w:
        bias = w["bias_l0"]
    else:
        bias = w["bias_ih_l0"] if name == "gru" else w["bias_ih_l0"] + w["bias_hh_l0"]
    return lib.linear(x, w["weight_ih_l0"], bias)
