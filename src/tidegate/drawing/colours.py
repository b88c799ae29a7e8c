"""Two colour scales for any colour vision: diverging around zero, and sequential from zero.

The colours are published ones, with few anchors each and linear interpolation between them in OKLab (Ottosson 2020, "A
perceptual color space for image processing"). Only zero has the colour of the page's ground: it looks untouched.

* diverging, light: RdBu of ColorBrewer, blue to red. This product includes color specifications and designs
  developed by Cynthia Brewer (http://colorbrewer.org/), Apache License 2.0.
* diverging, dark: berlin of Crameri (2018), "Scientific colour maps", MIT License,
  doi:10.5281/zenodo.1243862.
* sequential, light: YlOrBr of ColorBrewer, as above. Dark: inferno by Smith and van der Walt, CC0.
* share and unsure, sequential too, for probabilities, and for doubt; light: Greens and Purples of ColorBrewer,
  as above; dark: the same hues, brighter with the number.
* tints, and lines of a chart: the blue, vermillion, green and purple of Okabe & Ito (2008), "Color universal design".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import ArgumentError

RGB = tuple[int, int, int]
Kind = Literal["diverging", "sequential", "share", "unsure"]
Background = Literal["light", "dark"]

ANCHORS: dict[tuple[str, str], str] = {
    ("diverging", "light"): "053061 2166ac 4393c3 92c5de d1e5f0 ffffff fddbc7 f4a582 d6604d b2182b 67001f",
    ("diverging", "dark"): "9eb0ff 519fd3 286886 14303e 16181a 411201 7d341e be6f63 ffadad",
    ("sequential", "light"): "ffffff fff7bc fee391 fec44f fe9929 ec7014 cc4c02 993404 662506",
    ("sequential", "dark"): "16181a 29115a 57106e 8a226a bc3754 e45a31 f98e09 f9cb35 fcffa4",
    ("share", "light"): "ffffff e5f5e0 c7e9c0 a1d99b 74c476 41ab5d 238b45 006d2c 00441b",
    ("share", "dark"): "16181a 0f2f22 12492f 186540 228252 3da065 65bd7c 98d99a cdf3bf",
    ("unsure", "light"): "ffffff efedf5 dadaeb bcbddc 9e9ac8 807dba 6a51a3 54278f 3f007d",
    ("unsure", "dark"): "16181a 241b3d 372560 4f3487 6b4aa8 8767c4 a58adb c5b1ee e6dcff",
}
STEPS = 256  # half of them on either side of zero, which has a colour of its own
MISSING: RGB = (128, 128, 128)

BLUE: RGB = (0, 114, 178)
VERMILLION: RGB = (213, 94, 0)
LINES: tuple[RGB, ...] = (BLUE, VERMILLION, (0, 158, 115), (174, 84, 136))
"""Colours of lines, at least 3 to 1 against white and against near-black; the purple is Okabe & Ito's, darker."""
DASHES = ("", "6 3", "2 2", "8 3 2 3")
"""Dash patterns, which distinguish lines without colour and after the colours are used up."""

TINT = 0.55  # the most opaque tint: the page's own text stays legible on it, light or dark

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(rgb: ArrayLike) -> NDArray[np.float64]:
    """Convert sRGB colours 0 to 255 (..., 3) to linear light 0 to 1 (IEC 61966-2-1)."""
    shares = np.asarray(rgb, np.float64) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def oklab(rgb: ArrayLike) -> NDArray[np.float64]:
    """Convert sRGB colours 0 to 255 (..., 3) to OKLab: lightness 0 to 1, green to red, blue to yellow."""
    return np.cbrt(linear(rgb) @ _TO_LMS.T) @ _TO_LAB.T


def _srgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    light = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T).clip(0, 1)
    shares = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(shares * 255).astype(np.uint8)


@cache
def table(kind: Kind, background: Background = "light") -> NDArray[np.uint8]:
    """Return all colours of a scale (257, 3), lowest first; read-only.

    Raises:
        ArgumentError: no scale or background has that name.
    """
    if (kind, background) not in ANCHORS:
        raise ArgumentError(
            "A scale is 'diverging', 'sequential', 'share' or 'unsure' and a background 'light' or 'dark', "
            f"not {kind!r}, {background!r}."
        )
    lab = oklab([tuple(bytes.fromhex(anchor)) for anchor in ANCHORS[kind, background].split()])
    at = np.linspace(0, len(lab) - 1, STEPS + 1)
    made = _srgb(np.stack([np.interp(at, np.arange(len(lab)), channel) for channel in lab.T], -1))
    made.flags.writeable = False
    return made


def diverging(value: float, background: Background = "light") -> RGB:
    """Return the colour of a number from -1 (blue) by 0 (the background's) to 1 (red), clipped; nan is grey."""
    return _colour("diverging", (value + 1) / 2, background)


def sequential(value: float, background: Background = "light") -> RGB:
    """Return the colour of a number from 0 (the background's) to 1 (brown, or bright on dark); nan is grey."""
    return _colour("sequential", value, background)


def _colour(kind: Kind, share: float, background: Background) -> RGB:
    if np.isnan(share):
        return MISSING
    red, green, blue = table(kind, background)[round(min(max(share, 0.0), 1.0) * STEPS)].tolist()
    return red, green, blue


def luminance(rgb: ArrayLike) -> Any:
    """Relative luminance of a colour, 0 to 1 (WCAG 2)."""
    return linear(rgb) @ np.array([0.2126, 0.7152, 0.0722])


def ink(background: RGB) -> RGB:
    """Return black or white, whichever is more legible on a colour: its contrast is at least 4.5 to 1."""
    return (0, 0, 0) if luminance(background) > 0.179 else (255, 255, 255)


def tint(value: float) -> tuple[RGB, float]:
    """Return a colour and its opacity for a number in [-1, 1], for a page whose own colours are not known.

    At 0 it is transparent. With the distance from 0 the tint darkens on a white page and brightens on a black one; text
    in the page's own colour stays legible. nan is grey.
    """
    if np.isnan(value):
        return MISSING, 0.3
    return VERMILLION if value > 0 else BLUE, round(TINT * min(abs(value), 1.0), 2)


@dataclass(frozen=True)
class Scale:
    """The range of numbers that a colour scale covers.

    Attributes:
        kind: "diverging", from -top by 0 to top; the others from 0 to top.
        top: the number at the scale's end, above 0; larger ones have the colour of the end.
        unit: the unit of measure, such as "nats", for legends.
    """

    kind: Kind
    top: float
    unit: str = ""

    def __post_init__(self) -> None:
        table(self.kind)
        if not (self.top > 0 and np.isfinite(self.top)):
            raise ArgumentError(f"The top of a scale is {self.top}, but must be above 0 and finite.")

    def places(self, values: ArrayLike) -> NDArray[np.float64]:
        """Map numbers to places on the scale: -1 to 1, or 0 to 1; nan stays nan."""
        low = -1.0 if self.kind == "diverging" else 0.0
        return (np.asarray(values, np.float64) / self.top).clip(low, 1.0)

    def ends(self, values: ArrayLike = ()) -> tuple[str, str]:
        """Return the labels of the two ends of a legend, with ``≤`` and ``≥`` where some of the values lie beyond."""
        given = np.asarray(values, np.float64)
        low = -self.top if self.kind == "diverging" else 0.0
        below, above = "≤ " * bool((given < low).any()), "≥ " * bool((given > self.top).any())
        return f"{below}{number(low)}", f"{above}{number(self.top)}"


def scale_of(values: ArrayLike, scale: Scale | Kind, unit: str = "") -> Scale:
    """Return a scale that covers the values, or the scale that is given.

    Raises:
        ArgumentError: the scale begins at 0, and there are values below zero.
    """
    if isinstance(scale, Scale):
        return scale
    given = np.asarray(values, np.float64)
    finite = given[np.isfinite(given)]
    if scale != "diverging" and (finite < 0).any():
        raise ArgumentError(f"A {scale} scale begins at 0, but there is {finite.min():.4g}: use 'diverging'.")
    return Scale(scale, float(np.abs(finite).max(initial=0)) or 1.0, unit)


def line_style(index: int) -> tuple[RGB, str]:
    """Return colour and dashes (in SVG's format) of a chart's line number ``index``; they repeat after 16."""
    return LINES[index % len(LINES)], DASHES[(index + index // len(LINES)) % len(DASHES)] if index else ""


def hexadecimal(rgb: Sequence[int]) -> str:
    """Format a colour as ``#rrggbb``."""
    return "#" + bytes(rgb).hex()


def number(value: float) -> str:
    """Format a number with four digits and a typographic minus."""
    return f"{value + 0.0:.4g}".replace("-", "\N{MINUS SIGN}")
