"""What plug-ins compute from their files, transcribed from their formats into a few lines of NumPy each.

They share nothing with `tidegate.export.audio`: every gate is computed where the format has it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def play_nam(record: dict[str, Any], x: Array) -> Array:
    """The outputs (T,) of neural-amp-modeler's LSTM for samples (T,)."""
    units, layers = record["config"]["hidden_size"], record["config"]["num_layers"]
    left = np.array(record["weights"], np.float64)

    def take(count: int) -> Array:
        nonlocal left
        found, left = left[:count], left[count:]
        return found

    values = x[:, None]
    for _ in range(layers):
        width = values.shape[1] + units
        matrix = take(4 * units * width).reshape(4 * units, width)
        bias, h, c = take(4 * units), take(units), take(units)
        made = []
        for row in values:
            gates = matrix @ np.concatenate([row, h]) + bias
            i, f, g, o = (gates[n * units : (n + 1) * units] for n in range(4))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            made.append(h)
        values = np.array(made)
    y = values @ take(units) + take(1)
    assert not len(left)
    return y


def play_rtneural(record: dict[str, Any], x: Array) -> Array:
    """The outputs (T, O) of RTNeural for (T, I)."""
    values = x
    for layer in record["layers"]:
        weights = [np.array(it, np.float64) for it in layer["weights"]]
        if layer["type"] == "dense":
            values = values @ weights[0] + weights[1]
            continue
        kernel, recurrent, bias = weights
        units = layer["shape"][-1]
        h = c = np.zeros(units)
        made = []
        for row in values:
            if layer["type"] == "lstm":
                i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            else:
                x_z, x_r, x_h = np.split(row @ kernel + bias[0], 3)
                h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3)
                z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
                h = z * h + (1 - z) * np.tanh(x_h + r * h_h)
            made.append(h)
        values = np.array(made)
    return values


def play_aida_x(record: dict[str, Any], x: Array) -> Array:
    """The outputs (T,) of AIDA-X for samples (T,)."""
    return play_rtneural(record, x[:, None])[:, 0] + record["in_skip"] * x
