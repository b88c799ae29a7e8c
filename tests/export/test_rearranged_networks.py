"""Networks in other units, with more hidden units and without a direct part compute the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tidegate.export.audio.network import GATES, Kind, Layer, Network
from tidegate.export.audio.rearranged import after_silence, in_units, padded, without_direct

KINDS: list[Kind] = ["lstm", "gru"]
DRAW = np.random.default_rng(0)
X = DRAW.standard_normal((300, 3))


def drawn(kind: Kind, sizes: list[int], inputs: int = 3, outputs: int = 2) -> Network:
    draw = np.random.default_rng(1)

    def numbers(*shape: int) -> NDArray[Any]:
        return draw.uniform(-0.7, 0.7, shape)

    layers, before = [], inputs
    for size in sizes:
        rows = GATES[kind] * size
        layers.append(Layer(numbers(rows, before), numbers(rows, size), numbers(rows), numbers(rows)))
        before = size
    return Network(kind, layers, numbers(outputs, before), numbers(outputs), numbers(outputs, inputs))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [[4], [5, 2, 3]])
def test_without_v_it_is_the_same_to_a_millionth(kind: Kind, sizes: list[int]) -> None:
    network = drawn(kind, sizes)
    mean, deviation = np.array([100.0, -1.0, 0.0]), np.array([50.0, 0.01, 1.0])
    x = 10 * X * deviation + mean
    made = without_direct(network, mean, deviation)
    assert made.direct is None
    assert made.sizes == [size + 2 for size in sizes]
    assert np.abs(made(x) - network(x)).max() < 1e-6 * np.abs(x @ network.direct.T).max()  # type: ignore[union-attr]
    silent = replace(network, direct=network.direct * [[0.0], [1.0]])  # type: ignore[operator]
    assert without_direct(silent, mean, deviation).sizes == [size + 1 for size in sizes]
    assert np.abs(without_direct(silent, mean, deviation)(x) - silent(x)).max() < 1e-6 * np.abs(silent(x)).max()
    assert without_direct(replace(network, direct=np.zeros((2, 3))), mean, deviation).sizes == sizes


@pytest.mark.parametrize("kind", KINDS)
def test_padded_networks_compute_the_same(kind: Kind) -> None:
    network = drawn(kind, [5, 2])
    made = padded(network, [7, 7])
    assert made.sizes == [7, 7]
    np.testing.assert_allclose(made(X), network(X), rtol=0, atol=1e-14)


@pytest.mark.parametrize("direct", [True, False])
def test_units_are_computed_into_the_weights(direct: bool) -> None:
    network = drawn("gru", [5, 2])
    network = network if direct else replace(network, direct=None)
    (mean, deviation), (y_mean, y_deviation) = (DRAW.uniform(0.5, 3, (2, size)) for size in (3, 2))
    made = in_units(network, (mean, deviation), (y_mean, y_deviation))
    expected = network((X - mean) / deviation) * y_deviation + y_mean
    np.testing.assert_allclose(made(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [3, 700, 2000])
def test_states_after_silence_are_those_of_a_run(kind: Kind, steps: int) -> None:
    network = drawn(kind, [4, 3])
    made = after_silence(network, steps)
    for own, expected in zip(made.states or [], network.run(np.zeros((steps, 3)))[1], strict=True):
        np.testing.assert_allclose(own, expected, rtol=0, atol=1e-11)
