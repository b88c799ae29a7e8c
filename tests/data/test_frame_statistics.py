"""Statistics of frames against NumPy's, in any unit."""

import numpy as np
import pytest

from tidegate.data.frames import FrameStatistics


@pytest.mark.parametrize("unit", [1e-30, 1e-12, 1.0, 1e30])
def test_mean_and_deviation_do_not_depend_on_the_unit_or_the_pieces(unit: float):
    draw = np.random.default_rng(0)
    frames = (unit * (draw.normal(size=(90, 3)) * [1, 1e-3, 5] + [0, 1000, -7])).astype(np.float32)
    frames[:, 2] = np.float32(0.1 * unit)
    found = FrameStatistics()
    for piece in np.split(frames, [10, 10, 55]):
        found.add(piece)
    given, wide = found.preprocessing(), frames.astype(np.float64)
    np.testing.assert_allclose(given["mean"], wide.mean(0), rtol=1e-7)
    np.testing.assert_allclose(given["deviation"], [*wide.std(0)[:2], 1.0], rtol=1e-6)
    assert given["mean"][2] == frames[0, 2]
    assert (found.count, found.series, found.features) == (90, 4, 3)
