"""Arrays with named axes."""

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.nn.record.labelled_array import LabelledArray


def named() -> LabelledArray:
    return LabelledArray(np.arange(24).reshape(2, 3, 4), ("layer", "time", "unit"), {"time": ["a", "b", "c"]})


def test_places_are_taken_by_name():
    part = named().isel(time=1)
    assert (part.dims, part.shape, dict(part.coords)) == (("layer", "unit"), (2, 4), {})
    np.testing.assert_array_equal(part.to_numpy(), np.arange(24).reshape(2, 3, 4)[:, 1])
    part = named().isel(unit=-1, time=slice(1, None))
    assert (part.dims, dict(part.coords)) == (("layer", "time"), {"time": ["b", "c"]})
    np.testing.assert_array_equal(part.values, np.arange(24).reshape(2, 3, 4)[:, 1:, -1])
    part = named().isel(time=[2, 0], layer=None)
    assert dict(part.coords) == {"time": ["c", "a"]}
    np.testing.assert_array_equal(part.values, np.arange(24).reshape(2, 3, 4)[:, [2, 0]])


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"step": 1}, "no axis 'step': the axes are layer, time, unit"),
        ({"time": 3}, "time 3: there are 3, 0 to 2"),
        ({"time": -4}, "time -4"),
        ({"unit": [0, 9]}, "unit 9: there are 4"),
    ],
)
def test_missing_axes_and_positions_raise(chosen, said):
    with pytest.raises(ArgumentError, match=said):
        named().isel(**chosen)


def test_axes_and_coordinates_must_fit():
    with pytest.raises(ArgumentError, match="2 axes"):
        LabelledArray(np.zeros((2, 3)), ("time",))
    with pytest.raises(ArgumentError, match="2 coordinates along time"):
        LabelledArray(np.zeros(3), ("time",), {"time": ["a", "b"]})


def test_pandas_keeps_names_and_coordinates():
    frame = named().to_pandas()
    assert frame.shape == (6, 4)
    assert frame.index.names == ["layer", "time"]
    assert frame.columns.name == "unit"
    assert frame.loc[(1, "b"), 2] == 18
    table = named().isel(layer=0).to_pandas()
    assert table.loc["c", 3] == 11
    series = named().isel(layer=0, unit=0).to_pandas()
    assert (series.index.name, series["b"]) == ("time", 4)
    assert named().isel(layer=1, time=1, unit=1).to_pandas().item() == 17


def test_xarray_has_the_same_axes_values_and_coordinates():
    made = named().to_xarray()
    assert (made.dims, made.sel(time="b", layer=1).values.tolist()) == (("layer", "time", "unit"), [16, 17, 18, 19])
    again = LabelledArray(np.zeros((2, 2)), ("time", "unit"), {"time": ["a", "a"]}).to_xarray()
    assert again.isel(time=1).shape == (2,)
