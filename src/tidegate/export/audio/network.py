"""What the files of audio plug-ins hold: LSTM or GRU layers and a linear map of the last one's output, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["lstm", "gru"]
GATES: dict[Kind, int] = {"lstm": 4, "gru": 3}  # i f g o; r z n: PyTorch's order


class Layer(NamedTuple):
    """The weights of a layer with H units that reads I numbers, those of its G gates one below the other.

    Attributes:
        w_ih: (G H, I).
        w_hh: (G H, H).
        b_ih: (G H,), added to the product with the input.
        b_hh: (G H,), added to the product with the state; of an LSTM only the sum of both matters.
    """

    w_ih: Array
    w_hh: Array
    b_ih: Array
    b_hh: Array

    @property
    def units(self) -> int:
        """H."""
        return self.w_hh.shape[1]


State = tuple[Array, ...]
"""Of a layer: h, and of an LSTM c, each (H,)."""


@dataclass(frozen=True)
class Network:
    """Recurrent layers with a linear map of the last one's output, and of the input.

    ``y_t = W h_t + V x_t + b``, where h_t is the output of LSTMs or GRUs as PyTorch defines them.

    Attributes:
        kind: "lstm" or "gru".
        layers: their weights.
        weight: W (O, H).
        bias: b (O,).
        direct: V (O, I); None: none.
        states: the initial state of each layer; None: zero.
    """

    kind: Kind
    layers: Sequence[Layer]
    weight: Array
    bias: Array
    direct: Array | None = None
    states: Sequence[State] | None = None

    @property
    def inputs(self) -> int:
        """I, the numbers read at a step."""
        return self.layers[0].w_ih.shape[1]

    @property
    def outputs(self) -> int:
        """O, the numbers made at a step."""
        return len(self.bias)

    @property
    def sizes(self) -> list[int]:
        """H of each layer."""
        return [layer.units for layer in self.layers]

    def __call__(self, x: Array) -> Array:
        """Return the outputs (T, O) for inputs (T, I), read from the initial states."""
        return self.run(x)[0]

    def run(self, x: Array) -> tuple[Array, list[State]]:
        """Return the outputs (T, O) for inputs (T, I), and the states after the last step."""
        step, count = (_lstm_step, 2) if self.kind == "lstm" else (_gru_step, 1)
        values, ends = np.asarray(x, np.float64), []
        for layer, given in zip(self.layers, self.states or [None] * len(self.layers), strict=True):
            state = (np.zeros(layer.units),) * count if given is None else given
            products = values @ layer.w_ih.T + layer.b_ih
            values = np.empty((len(products), layer.units))
            for t, product in enumerate(products):
                state = step(layer, product, state)
                values[t] = state[0]
            ends.append(state)
        y = values @ self.weight.T + self.bias
        return y if self.direct is None else y + x @ self.direct.T, ends


def _lstm_step(layer: Layer, product: Array, state: State) -> State:
    """Return h_t and c_t, given W_ih x_t + b_ih and those of the step before."""
    h, c = state
    i, f, g, o = np.split(product + layer.w_hh @ h + layer.b_hh, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    return _sigmoid(o) * np.tanh(c), c


def _gru_step(layer: Layer, product: Array, state: State) -> State:
    """Return h_t, given W_ih x_t + b_ih and that of the step before."""
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(product, 3), np.split(layer.w_hh @ h + layer.b_hh, 3)
    z = _sigmoid(x_z + h_z)
    return ((1 - z) * np.tanh(x_n + _sigmoid(x_r + h_r) * h_n) + z * h,)


def _sigmoid(a: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * a))
