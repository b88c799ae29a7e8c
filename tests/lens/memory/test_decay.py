"""Half-lives and lines, on curves whose half-life is known."""

import math

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.memory.decay import decay_of


@pytest.mark.parametrize("rate", [0.3, 0.9, 0.99])
def test_an_exponential_curve(rate):
    found = decay_of(7 * rate ** np.arange(101.0))
    expected = math.log(0.5) / math.log(rate)
    assert found.half_life == pytest.approx(expected)
    assert found.fitted_half_life == pytest.approx(expected)
    assert (found.rate, found.r2) == pytest.approx((rate, 1))
    assert not found.grows


def test_distance_0_does_not_count():
    curve = 0.9 ** np.arange(30.0)
    assert decay_of(np.concatenate([[1e6], curve[1:]])) == decay_of(curve)


def test_a_growing_curve_has_no_half_life():
    found = decay_of(1.1 ** np.arange(20.0))
    assert found.grows
    assert found.half_life == found.fitted_half_life == math.inf
    assert found.rate == pytest.approx(1.1)


def test_a_constant_curve_neither_grows_nor_falls():
    found = decay_of(np.full(20, 0.5))
    assert (found.half_life, found.r2) == (math.inf, 1)
    assert found.rate == pytest.approx(1, abs=1e-12)


def test_a_power_law_is_no_exponential():
    found = decay_of(1 / np.arange(1, 201.0))
    # g(1) = 1/2, so 1/4 is reached at distance 3.
    assert found.half_life == pytest.approx(2)
    assert found.r2 < 0.9
    assert found.fitted_half_life > 20


def test_the_first_crossing_counts_and_is_interpolated_in_the_logarithm():
    assert decay_of(np.array([9, 1, 0.8, 0.2, 5, 0.1])).half_life == pytest.approx(1 + math.log(1.6) / math.log(4))


def test_the_line_ends_where_the_gradient_has_vanished():
    curve = np.where(np.arange(300) < 100, 0.5 ** np.arange(300.0), 0)
    found = decay_of(curve)
    assert (found.fitted, found.half_life) == (99, pytest.approx(1))
    assert found.rate == pytest.approx(0.5)
    assert decay_of(np.array([1, 1, 0.9, 0])).half_life == 2


@pytest.mark.parametrize("curve", [[1, 1], [1, 1, 0], [1, 0, 1], [1, math.nan, 1], [1, -1, 1]])
def test_curves_that_cannot_be_fitted_raise(curve):
    with pytest.raises(ArgumentError):
        decay_of(np.array(curve, float))
