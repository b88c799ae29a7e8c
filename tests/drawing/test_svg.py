"""Line charts and heat maps: well-formed, with the points and cells where they belong."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tidegate.drawing import Scale, heat_map_svg, line_chart_svg
from tidegate.drawing.svg import extent, log_ticks, points, thinned, ticks
from tidegate.errors import ArgumentError

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>\"'&\x00\ud800\ufffe]]>"
SHOWN = "<script>\"'&\\x00\\ud800\\ufffe]]>"


def texts(svg):
    return [it.text or "" for it in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def strokes(svg):
    """The curves: places on the drawing, by colour."""
    made = []
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("stroke-linejoin"):
            parts = path.get("d", "").split("M")[1:]
            made.append([np.array([list(map(float, it.split())) for it in part.split("L")]) for part in parts])
    return made


def picture(svg):
    href = next(ElementTree.fromstring(svg).iter(f"{SVG}image")).get("href", "")
    image = Image.open(io.BytesIO(base64.b64decode(href.removeprefix("data:image/png;base64,"))))
    return np.asarray(image.convert("RGBA"))


def test_a_curve_is_where_its_points_are():
    ((path,),) = strokes(line_chart_svg({"a": ([0, 5, 10], [1, 3, 2])}))
    assert path[:, 0].tolist() == [64, 344, 624]
    assert path[:, 1].tolist() == [220, 30, 125]


def test_logarithmic_y():
    ((path,),) = strokes(line_chart_svg({"a": ([0, 1, 2], [1e-3, 1, 1e3])}, log_y=True))
    assert path[:, 1].tolist() == [220, 125, 30]
    assert {"0.001", "1", "1000"} <= set(texts(line_chart_svg({"a": ([0, 1], [1e-3, 1e3])}, log_y=True)))


def test_gaps_and_what_is_not_drawn():
    svg = line_chart_svg({"a": (range(7), [1, 2, np.nan, 3, np.inf, 2, 1]), "b": ([1.0], [2.0])})
    assert [[len(it) for it in curve] for curve in strokes(svg)] == [[2, 2]]
    assert len(list(ElementTree.fromstring(svg).iter(f"{SVG}circle"))) == 2  # 3 between the gaps, and b
    assert "2 points not drawn: not finite" in texts(svg)
    assert "2 points not drawn: not finite, or not above 0" in texts(
        line_chart_svg({"a": ([1, 2, 3], [0, -1, 4])}, log_y=True)
    )
    assert not any("not drawn" in it for it in texts(line_chart_svg({"a": ([1, 2], [3, 4])})))


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize(
    "y",
    [
        [],
        [1.0],
        [2.0, 2.0],
        [np.nan],
        [-3.0, -3.0],
        [0.0, 0.0],
        [1e-289, 1e289],
        [-1e289, 1e289],
        [1e289],
        [1e300],
        [5e-324, 1e-323],
    ],
)
def test_hard_numbers_make_a_whole_drawing(y, log_y):
    svg = line_chart_svg({NASTY: (range(len(y)), y)}, log_y=log_y, title=NASTY, x_label=NASTY, y_label=NASTY)
    assert texts(svg).count(SHOWN) == 4
    assert "nan" not in svg
    assert "inf" not in svg.replace("finite", "")


def test_no_curves_and_many():
    assert "no points" in texts(line_chart_svg({}))
    svg = line_chart_svg({f"curve {n}": ([0, 1], [n, n + 1]) for n in range(17)})
    assert len(strokes(svg)) == 17
    assert {f"curve {n}" for n in range(17)} <= set(texts(svg))
    height = float(ElementTree.fromstring(svg).get("height", "0"))
    assert all(float(it.get("y", "0")) < height for it in ElementTree.fromstring(svg).iter(f"{SVG}text"))


def test_a_long_curve_is_small_and_keeps_its_peaks():
    y = np.random.default_rng(0).normal(size=100_001)
    y[77_777], y[5_000] = 99.0, np.nan
    curve = points("a", (np.arange(100_001), y))
    fewer = thinned(curve)
    assert len(fewer) < 2_000
    assert [77_777, 99.0] in fewer.tolist()
    assert np.isnan(fewer).any()
    assert fewer[0, 0] == 0
    assert fewer[-1, 0] == 100_000
    assert (np.diff(fewer[~np.isnan(fewer[:, 0]), 0]) > 0).all()
    assert len(line_chart_svg({"a": (np.arange(100_001), y)})) < 40_000
    assert len(thinned(curve[:63])) == 63


def test_ticks():
    np.testing.assert_allclose(ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(ticks(-31, 29), [-30, -20, -10, 0, 10, 20])
    np.testing.assert_allclose(log_ticks(-3.2, 3.1), [-3, -1, 1, 3])
    np.testing.assert_allclose(10 ** np.array(log_ticks(np.log10(1.2), np.log10(3.9))), [1.5, 2, 2.5, 3, 3.5])
    for low, high in ((0, 1e-9), (-1e9, 3), (1.0001, 1.0002)):
        made = ticks(low, high)
        assert 2 <= len(made) <= 8
        assert low - 1e-9 * (high - low) <= made[0]
        assert made[-1] <= high + 1e-9 * (high - low)
    assert extent(np.array([])) == (0, 1)


def test_curve_with_x_and_y_of_different_length_raises():
    with pytest.raises(ArgumentError, match=r"'a': x and y .* \(3,\) and \(2,\)"):
        line_chart_svg({"a": ([1, 2, 3], [1, 2])})


def test_the_picture_has_the_cells():
    image = picture(heat_map_svg([[-1.0, 0, 1], [np.nan, -0.5, 2]], scale=Scale("diverging", 1)))
    assert image.shape == (2, 3, 4)
    assert image[0, 0].tolist() == [0, 114, 178, 230]
    assert image[0, 1, 3] == 0  # the page shows through
    assert image[0, 2].tolist() == image[1, 2].tolist() == [213, 94, 0, 230]
    assert image[1, 0, :3].tolist() == [128, 128, 128]
    assert image[1, 1, :3].tolist() == [0, 114, 178]
    assert 113 <= image[1, 1, 3] <= 117


@pytest.mark.parametrize("shape", [(1, 1), (7, 63), (63, 1), (300, 5), (2, 1000)])
def test_sizes(shape):
    svg = heat_map_svg(
        np.random.default_rng(0).random(shape), scale="sequential", title=NASTY, x_label=NASTY, y_label=NASTY
    )
    assert picture(svg).shape[:2] == shape
    assert texts(svg).count(SHOWN) == 3
    ys = [float(it.get("y", "0")) for it in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert max(ys) < float(ElementTree.fromstring(svg).get("height", "0"))


def test_labels():
    svg = heat_map_svg(np.zeros((2, 5)), ["unit <7>", NASTY], ["a", "\n", " ", "한", "\ud800"])
    shown = texts(svg)
    assert {"unit <7>", "a", "↵", "␣", "한", "\\ud800", SHOWN[:8] + "…"} <= set(shown)
    crowded = texts(heat_map_svg(np.zeros((2, 500)), (), ["word"] * 500))
    assert "word" not in crowded
    assert {"0", "50", "450"} <= set(crowded)
    many = [it for it in texts(heat_map_svg(np.zeros((1000, 2)), [f"r{n}" for n in range(1000)])) if re.match("r", it)]
    assert 5 < len(many) < 40


def test_empty_constant_and_missing():
    assert "<image" in heat_map_svg(np.ones((3, 3)))
    for shape in ((0, 5), (5, 0), (0, 0)):
        ElementTree.fromstring(heat_map_svg(np.zeros(shape)))
    assert "grey: not a number, 2 of 4" in texts(heat_map_svg([[np.nan, 1], [np.nan, -1]]))


def test_a_heat_map_is_small():
    assert len(heat_map_svg(np.random.default_rng(0).normal(size=(256, 256)))) < 120_000


def test_heat_map_of_wrong_shape_or_labels_raises():
    with pytest.raises(ArgumentError, match=r"matrix \(R, C\), not values of shape \(3,\)"):
        heat_map_svg([1, 2, 3])
    with pytest.raises(ArgumentError, match="2 rows need as many labels or none, not 3"):
        heat_map_svg([[1], [2]], ["a", "b", "c"])
    with pytest.raises(ArgumentError, match="take a part"):
        heat_map_svg(np.broadcast_to(0.0, (3000, 3000)))
