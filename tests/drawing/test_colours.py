"""The scales: as published, monotone in lightness, and readable by people of every colour vision."""

import matplotlib
import numpy as np
import pytest

from tidegate.drawing import Scale, scale_of
from tidegate.drawing.colours import (
    BLUE,
    LINES,
    MISSING,
    VERMILLION,
    diverging,
    ink,
    line_style,
    linear,
    luminance,
    number,
    oklab,
    sequential,
    table,
    tint,
)
from tidegate.errors import ArgumentError


def contrast(one, other):
    """Contrast of two colours, 1 to 21 (WCAG 2); 4.5 is enough for text."""
    low, high = sorted((float(luminance(one)), float(luminance(other))))
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira & Fernandes 2009, severity 1, on linear light.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
PUBLISHED = {
    ("diverging", "light"): "RdBu_r",
    ("diverging", "dark"): "berlin",
    ("sequential", "light"): "YlOrBr",
    ("sequential", "dark"): "inferno",
}
SCALES = list(PUBLISHED)
JUST_SEEN = 0.02  # of OKLab, the least difference that is noticed side by side


def seen(rgb, vision):
    """Colours as someone of that vision sees them, in OKLab."""
    light = (linear(rgb) @ np.array(VISIONS[vision]).T).clip(0, 1)
    shares = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return oklab(shares * 255)


def over(value, page):
    """A tint as it looks on a page."""
    colour, opacity = tint(value)
    return np.array(colour) * opacity + np.array(page) * (1 - opacity)


def test_oklab_of_worked_values():
    # Ottosson 2020's table of pairs is in XYZ; white and the primaries below are those of the CSS Color 4 samples.
    np.testing.assert_allclose(oklab((255, 255, 255)), [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(oklab((255, 0, 0)), [0.62796, 0.22486, 0.12585], atol=1e-4)
    np.testing.assert_allclose(oklab((0, 0, 255)), [0.45201, -0.03246, -0.31153], atol=1e-4)


@pytest.mark.parametrize(("kind", "background"), SCALES)
def test_scales_are_the_published_ones(kind, background):
    peer = matplotlib.colormaps[PUBLISHED[kind, background]](np.linspace(0, 1, 257))[:, :3] * 255
    far = np.abs(np.linspace(-1, 1, 257)) > 0.25 if kind == "diverging" else np.linspace(0, 1, 257) > 0.2
    assert np.linalg.norm(oklab(peer) - oklab(table(kind, background)), axis=-1)[far].max() < 1.5 * JUST_SEEN


@pytest.mark.parametrize("background", ["light", "dark"])
def test_lightness_goes_one_way_from_the_background_on(background):
    sign = -1 if background == "light" else 1
    light = sign * oklab(table("sequential", background))[:, 0]
    assert (np.diff(light) > -1e-3).all()
    assert light[-1] - light[0] > 0.5
    light = sign * oklab(table("diverging", background))[:, 0]
    assert (np.diff(light[128:]) > -1e-3).all()
    assert (np.diff(light[:129]) < 1e-3).all()


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("background", ["light", "dark"])
def test_below_and_above_zero_are_told_apart_by_everyone(background, vision):
    colours = seen(table("diverging", background), vision)
    apart = [float(np.linalg.norm(colours[128 + far] - colours[128 - far])) for far in range(32, 129)]
    assert min(apart) > 3 * JUST_SEEN
    shades = seen(table("sequential", background)[::32], vision)
    assert np.linalg.norm(np.diff(shades, axis=0), axis=-1).min() > JUST_SEEN


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("page", [(255, 255, 255), (17, 17, 17), (30, 30, 30)])
def test_tints_are_told_apart_by_everyone_on_every_page(page, vision):
    for value in (0.5, 0.75, 1.0):
        assert np.linalg.norm(seen(over(value, page), vision) - seen(over(-value, page), vision)) > 3 * JUST_SEEN
    assert (over(0, page) == page).all()


@pytest.mark.parametrize(
    ("page", "letters"),
    [((255,) * 3, (0, 0, 0)), ((255,) * 3, (51, 51, 51)), ((17,) * 3, (222,) * 3), ((30,) * 3, (204,) * 3)],
)
def test_a_page_s_own_letters_are_legible_on_every_tint(page, letters):
    assert min(contrast(over(value, page), letters) for value in [*np.linspace(-1, 1, 41), np.nan]) >= 4.5


@pytest.mark.parametrize(("kind", "background"), SCALES)
def test_ink_is_legible_on_every_colour(kind, background):
    assert min(contrast(it, ink(tuple(it))) for it in table(kind, background).tolist()) >= 4.5


def test_ink_is_legible_on_all_greys_and_primaries():
    for grey in range(256):
        for colour in ((grey, grey, grey), (grey, 0, 0), (0, grey, 0), (0, 0, grey), (255, grey, 0)):
            assert contrast(colour, ink(colour)) >= 4.5


def test_contrast_as_wcag_has_it():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)  # the known near miss, #777


def test_lines_show_on_light_and_dark_and_no_two_are_alike():
    assert all(contrast(it, page) >= 3 for it in LINES for page in ((255, 255, 255), (30, 30, 30)))
    assert len({line_style(index) for index in range(16)}) == 16
    assert line_style(16) == line_style(16)


def test_numbers_to_colours():
    assert diverging(0) == (255, 255, 255)
    assert diverging(-1) == diverging(-np.inf) == diverging(-7) == (5, 48, 97)
    assert diverging(1, "dark") == (255, 173, 173)
    assert sequential(0, "dark") == (22, 24, 26)
    assert sequential(np.nan) == diverging(np.nan) == MISSING
    assert tint(-2) == (BLUE, tint(-1)[1])
    assert tint(0.5)[0] == VERMILLION


def test_scale_places_and_ends():
    scale = Scale("diverging", 2.0, "nats")
    np.testing.assert_array_equal(scale.places([-4, -1, 0, np.inf, np.nan]), [-1, -0.5, 0, 1, np.nan])
    assert scale.ends() == ("−2", "2")
    assert scale.ends([-3.0, np.nan, 5]) == ("≤ −2", "≥ 2")
    assert Scale("sequential", 0.5).ends([0.1]) == ("0", "0.5")


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [np.nan], [np.inf, -np.inf]])
def test_scale_without_finite_values_ends_at_one(values):
    assert scale_of(values, "diverging") == Scale("diverging", 1.0)


def test_wrong_scale_or_top_raises():
    assert scale_of([1.0, -3.0, np.inf], "diverging", "m") == Scale("diverging", 3.0, "m")
    with pytest.raises(ArgumentError, match="use 'diverging'"):
        scale_of([1.0, -3.0], "sequential")
    for top in (0, -1, np.nan, np.inf):
        with pytest.raises(ArgumentError, match="above 0"):
            Scale("diverging", top)
    with pytest.raises(ArgumentError, match="sepia"):
        table("sepia")  # type: ignore[arg-type]


def test_numbers_as_read():
    assert [number(it) for it in (-0.0, -1.5, 1e-9, 123456, np.nan)] == ["0", "−1.5", "1e−09", "1.235e+05", "nan"]
