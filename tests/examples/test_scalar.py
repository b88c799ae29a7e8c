"""The notes' network of one unit, three ways."""

import math

import pytest
from examples.notes.scalar import scalar_example

from tidegate.errors import ArgumentError


@pytest.mark.parametrize("inputs", [[0.3], [-0.5, 0.5, -1.0, 0.2, 0.0, -0.7, -0.4], [-0.5] * 63])
def test_hand_machine_and_differences_agree(inputs):
    found = scalar_example(inputs, start=0.01)
    assert found.by_machine == pytest.approx(found.by_hand, rel=1e-10)
    assert found.by_difference == pytest.approx(found.by_hand, rel=1e-5, abs=1e-9)
    assert len(found.states) == len(found.factors) + 1 == len(inputs) + 1


def test_two_steps_by_hand():
    found = scalar_example([1.0, -2.0], start=0.5)
    first = math.tanh(3 * 0.5 + 2 * 1 + 1)
    second = math.tanh(3 * first + 2 * -2 + 1)
    assert found.states == (0.5, first, second)
    assert found.factors == pytest.approx((3 * (1 - first**2), 3 * (1 - second**2)))
    assert found.by_hand == pytest.approx(9 * (1 - first**2) * (1 - second**2))


def test_it_explodes_where_nothing_is_saturated_and_vanishes_where_all_is():
    # x = -1/2 with h = 0 keeps w h + u x + b at 0: each factor is 3.
    exploding, vanishing = scalar_example([-0.5] * 10), scalar_example([1.0] * 10)
    assert exploding.by_hand == exploding.by_machine == 3**10
    assert 0 < vanishing.by_machine < 1e-15


def test_other_weights():
    found = scalar_example([0.1, 0.2], w=-0.5, u=1.5, b=0.25)
    assert found.states[1] == pytest.approx(math.tanh(1.5 * 0.1 + 0.25))
    assert found.by_machine == pytest.approx(found.by_hand)


@pytest.mark.parametrize("inputs", [[], [math.nan]])
def test_nothing_to_read_is_refused(inputs):
    with pytest.raises(ArgumentError):
        scalar_example(inputs)
