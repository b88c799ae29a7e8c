"""Networks that compute the same in another form: in other units, with more hidden units, from other states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from tidegate.export.audio.network import GATES, Array, Layer, Network

SMALL = 2.0**-16  # tanh(a) is a to 1e-10 of it, and so to 1e-6 where an input is 80 deviations from its mean
OPEN, SHUT = 18.0, -18.0  # whose sigmoid in single precision is 1, and 2e-8; plug-ins' approximations are best there
PIECE = 500  # steps of silence between looks at the states


def in_units(network: Network, inputs: tuple[Array, Array], outputs: tuple[Array, Array]) -> Network:
    """Return the network that reads x and gives y where this one reads and gives both normalised.

    Args:
        network: reads (x - mean) / deviation.
        inputs: mean and deviation of x, each (I,).
        outputs: those of y, each (O,).
    """
    (mean, deviation), (y_mean, y_deviation) = inputs, outputs
    first, *others = network.layers
    w_ih = first.w_ih / deviation
    bias = y_deviation * network.bias + y_mean
    direct = None
    if network.direct is not None:
        direct = y_deviation[:, None] * network.direct / deviation
        bias = bias - direct @ mean
    return replace(
        network,
        layers=[first._replace(w_ih=w_ih, b_ih=first.b_ih - w_ih @ mean), *others],
        weight=y_deviation[:, None] * network.weight,
        bias=bias,
        direct=direct,
    )


def padded(network: Network, sizes: Sequence[int]) -> Network:
    """Return a network with layers of these sizes that computes the same: the units added have no weights."""
    gates, layers, inputs = GATES[network.kind], [], network.inputs
    for layer, size in zip(network.layers, sizes, strict=True):

        def wide(rows: Array, columns: int, units: int = layer.units, size: int = size) -> Array:
            made = np.zeros((gates, size, columns))
            own = rows.reshape(gates, units, -1)
            made[:, :units, : own.shape[2]] = own
            return made.reshape(gates * size, columns)

        biases = (wide(it, 1).ravel() for it in (layer.b_ih, layer.b_hh))
        layers.append(Layer(wide(layer.w_ih, inputs), wide(layer.w_hh, size), *biases))
        inputs = size
    weight = np.zeros((network.outputs, inputs))
    weight[:, : network.weight.shape[1]] = network.weight
    return replace(network, layers=layers, weight=weight)


def without_direct(network: Network, mean: Array, deviation: Array) -> Network:
    """Return a network without V that computes the same, to a millionth of V x.

    For each output every layer has one more hidden unit, whose gates stand open and shut, so that of the first layer it
    is tanh(tanh(a)) or tanh(a), and of the next one the same of it. a is the output's V (x - mean), scaled to be so
    small that tanh(a) is a; the linear map scales it up again.

    Args:
        network: the network.
        mean: of its inputs, (I,).
        deviation: likewise.
    """
    if network.direct is None or not network.direct.any():
        return replace(network, direct=None)
    norms = np.linalg.norm(network.direct * deviation, axis=1)
    kept = np.flatnonzero(norms)
    made = padded(network, [size + len(kept) for size in network.sizes])
    source = SMALL * network.direct[kept] / norms[kept, None]
    shift = -source @ mean
    for layer in made.layers:
        added = np.arange(layer.units - len(kept), layer.units)
        value = 2 * layer.units + added  # g or n
        layer.w_ih[value], layer.b_ih[value] = source, shift
        for gate, bias in ({0: OPEN, 1: SHUT, 3: OPEN} if network.kind == "lstm" else {1: SHUT}).items():
            layer.b_ih[gate * layer.units + added] = bias
        source, shift = np.eye(layer.units)[added], np.zeros(len(kept))
    made.weight[kept, made.weight.shape[1] - len(kept) + np.arange(len(kept))] = norms[kept] / SMALL
    return replace(made, bias=made.bias + network.direct @ mean, direct=None)


def after_silence(network: Network, steps: int) -> Network:
    """Return a network that begins with the states that this one has after a number of inputs of zero."""
    for start in range(0, steps, PIECE):
        before, after = network.states, network.run(np.zeros((min(PIECE, steps - start), network.inputs)))[1]
        network = replace(network, states=after)
        if before is not None and all(map(_at_rest, chain(*before), chain(*after))):
            break
    return network


def _at_rest(before: Array, after: Array) -> bool:
    return bool(np.abs(after - before).max() < 1e-12)


def rounded(network: Network) -> Network:
    """Return a network in single precision, in which plug-ins compute."""

    def single(values: Array) -> Array:
        return np.asarray(values, np.float32)

    return replace(
        network,
        layers=[Layer(*map(single, layer)) for layer in network.layers],
        weight=single(network.weight),
        bias=single(network.bias),
        direct=None if network.direct is None else single(network.direct),
        states=None if network.states is None else [tuple(map(single, state)) for state in network.states],
    )
