"""Numbers as pictures."""

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.tasks import pictures


def test_all_pictures_are_on_one_scale() -> None:
    numbers = np.array([[-2.0, 0.0, 2.0, 6.0], [0.0, 0.0, 0.0, 0.0]])
    found = pictures(numbers)
    assert (found.low, found.high, len(found)) == (-2, 6, 2)
    assert found.values.dtype == np.float32
    assert found.values.tolist() == [[[0, 0.25], [0.5, 1]], [[0.25, 0.25], [0.25, 0.25]]]


def test_numbers_from_0_to_1_are_not_scaled() -> None:
    numbers = np.array([[0.25, 0.5]])
    found = pictures(numbers)
    assert (found.values.tolist(), found.low, found.high) == ([[[0.25, 0.5]]], 0, 1)


def test_constant_numbers_are_not_divided_by_zero() -> None:
    assert pictures(np.full((3, 4), 7)).values.tolist() == np.zeros((3, 2, 2)).tolist()
    whole = pictures(np.array([[0, 255]], np.uint8))
    assert whole.values.tolist() == [[[0, 1]]]


@pytest.mark.parametrize(
    ("count", "shape"), [(64, (8, 8)), (1, (1, 1)), (3, (1, 3)), (12, (2, 2, 3)), (3072, (32, 32, 3)), (5, (1, 5))]
)
def test_default_shapes_of_pictures(count: int, shape: tuple[int, ...]) -> None:
    numbers = np.arange(7 * count).reshape(7, count)
    found = pictures(numbers)
    assert found.values.shape == (7, *shape)
    assert (np.diff(found.values.ravel()) > 0).all()


@pytest.mark.parametrize("shape", [(2, 3), (6,), (-2, -3), (1, 1, 1, 6)])
def test_a_shape_of_another_size_raises(shape: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match="does not hold"):
        pictures(np.zeros((2, 6 if shape != (2, 3) else 7)), shape)
