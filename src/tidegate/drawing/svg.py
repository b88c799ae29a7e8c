"""Line charts as small SVG fragments: for a notebook, a page, or a file of their own.

Text has the page's own colour; the colours of lines are legible on light and dark pages.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.colours import hexadecimal, line_style, number
from tidegate.drawing.html import escaped
from tidegate.errors import ArgumentError

Curve = tuple[ArrayLike, ArrayLike]
"""x and y, of equal length; the line is broken where one of them is not finite."""

WIDTH, LEFT, RIGHT, TOP, HIGH = 640, 64, 16, 30, 190
WIDE = WIDTH - LEFT - RIGHT
BINS = 400  # a longer curve is drawn as the lowest and highest point of each of 400 parts
LARGEST = 1e290  # differences of much larger numbers are not finite
SMALLEST = 1e-290  # smaller numbers are as good as 0: shares of them would lose their digits
FONT = "font-family:system-ui,sans-serif;font-size:11px"


def line_chart_svg(
    series: Mapping[str, Curve],
    *,
    log_y: bool = False,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
) -> str:
    """Draw curves; below them, the number of points that cannot be drawn, if any.

    Args:
        series: the curves by name; one named "" is not in the legend.
        log_y: a logarithmic axis for y; it cannot show numbers that are not above 0.
        title: of the drawing.
        x_label: below the x axis.
        y_label: above the y axis.

    Raises:
        ArgumentError: x and y of a curve differ in length.
    """
    curves = {name: points(name, curve, log_y=log_y) for name, curve in series.items()}
    whole = np.concatenate([np.empty((0, 2)), *curves.values()])
    kept = whole[~np.isnan(whole).any(1)]
    (x_low, x_high), (y_low, y_high) = extent(kept[:, 0]), extent(kept[:, 1])

    def at(x: NDArray[np.float64], y: NDArray[np.float64]) -> Iterable[tuple[float, float]]:
        across = LEFT + WIDE * (x - x_low) / (x_high - x_low)
        down = TOP + HIGH * (y_high - y) / (y_high - y_low)
        return zip(across.tolist(), down.tolist(), strict=True)

    drawn = [_axes(kept, (x_low, x_high), (y_low, y_high), log_y=log_y)]
    for index, curve in enumerate(curves.values()):
        rgb, dashes = line_style(index)
        style = f'stroke="{hexadecimal(rgb)}"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        d, dots = _path(list(at(*thinned(curve).T)))
        drawn.append(f'<path d="{d}" {style} fill="none" stroke-width="1.6" stroke-linejoin="round"/>' if d else "")
        drawn += [f'<circle cx="{x}" cy="{y}" r="2" fill="{hexadecimal(rgb)}"/>' for x, y in dots]
    bottom = TOP + HIGH + 32
    drawn += [
        f'<text x="{LEFT}" y="14" font-weight="600">{escaped(title)}</text>' if title else "",
        f'<text x="{LEFT}" y="26" opacity=".8">{escaped(y_label)}</text>' if y_label else "",
        f'<text x="{LEFT + WIDE / 2:g}" y="{bottom}" text-anchor="middle">{escaped(x_label)}</text>' if x_label else "",
    ]
    named = [(index, name) for index, name in enumerate(curves) if name]
    bottom += 16 if named else 0
    for place, (index, name) in enumerate(named):
        rgb, dashes = line_style(index)
        style = f'stroke="{hexadecimal(rgb)}"' + (f' stroke-dasharray="{dashes}"' if dashes else "")
        x, y = LEFT + place % 3 * WIDE // 3, bottom + place // 3 * 15
        shown = name if len(name) <= 26 else name[:25] + "…"
        drawn.append(f'<path d="M{x} {y - 4}h22" {style} stroke-width="1.6"/>')
        drawn.append(f'<text x="{x + 28}" y="{y}">{escaped(shown)}</text>')
    bottom += -(-len(named) // 3) * 15
    lost = len(whole) - len(kept)
    if lost:
        why = "not finite, or not above 0" if log_y else "not finite"
        drawn.append(f'<text x="{LEFT}" y="{bottom}" opacity=".8">{lost} points not drawn: {why}</text>')
        bottom += 15
    return svg(drawn, WIDTH, bottom + 4, title or "line chart")


def svg(drawn: Iterable[str], width: int, height: int, title: str) -> str:
    """Wrap the parts of a drawing in an ``svg`` element; it shrinks with the page."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto;{FONT}" role="img" aria-label="{escaped(title)}" fill="currentColor">'
        f"{''.join(drawn)}</svg>"
    )


def points(name: str, curve: Curve, *, log_y: bool = False) -> NDArray[np.float64]:
    """Return a curve as (N, 2), both nan where it cannot be drawn; y is its logarithm to base 10 if ``log_y``.

    Raises:
        ArgumentError: x and y differ in length.
    """
    x, y = (np.asarray(it, np.float64) for it in curve)
    if x.ndim != 1 or x.shape != y.shape:
        raise ArgumentError(f"{name!r:.80}: x and y should be of equal length (N,), but are {x.shape} and {y.shape}.")
    made = np.stack([x, y], 1)
    made[~(np.abs(made) < LARGEST).all(1)] = np.nan
    if log_y:
        made[~(made[:, 1] > SMALLEST)] = np.nan
        made[:, 1] = np.log10(made[:, 1])
    return made


def thinned(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduce a long curve to the lowest and highest point of each of 400 parts, in order; gaps stay."""
    if len(curve) <= 4 * BINS:
        return curve
    kept = []
    for part in np.array_split(np.arange(len(curve)), BINS):
        y = curve[part, 1]
        some = {int(part[0]), *(part[np.isnan(y)][:1]).tolist()}
        if not np.isnan(y).all():
            some |= {int(part[np.nanargmin(y)]), int(part[np.nanargmax(y)])}
        kept += sorted(some)
    kept.append(len(curve) - 1)
    return curve[np.unique(kept)]


def extent(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the lowest and highest value, moved apart if they are nearly equal; 0 and 1 if there are none."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if size < SMALLEST:
        return -0.5, 0.5
    pad = 0.05 * size if high - low < 1e-9 * size else 0.0  # closer than the digits beside the axis could tell
    return low - pad, high + pad


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return about ``count`` round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return logarithms of round numbers from 10^low to 10^high: powers of ten, or more if there are too few."""
    if high - low >= 2:
        step = math.ceil((high - low) / 6)
        return [float(n) for n in range(math.ceil(low), math.floor(high) + 1, step)]
    return [math.log10(it) for it in ticks(10**low, 10**high) if it > 0]


def _axes(kept: NDArray[np.float64], xs: tuple[float, float], ys: tuple[float, float], *, log_y: bool) -> str:
    frame = f'<path d="M{LEFT} {TOP}v{HIGH}h{WIDE}" stroke="currentColor" stroke-opacity=".5" fill="none"/>'
    if not len(kept):
        return frame + f'<text x="{LEFT + WIDE / 2:g}" y="{TOP + HIGH / 2:g}" text-anchor="middle">no points</text>'
    made = [frame]
    for tick in log_ticks(*ys) if log_y else ticks(*ys):
        y = TOP + HIGH * (ys[1] - tick) / (ys[1] - ys[0])
        shown = number(10**tick if log_y else tick)
        made.append(f'<path d="M{LEFT} {y:.1f}h{WIDE}" stroke="currentColor" stroke-opacity=".13"/>')
        made.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>')
    for tick in ticks(*xs):
        x = LEFT + WIDE * (tick - xs[0]) / (xs[1] - xs[0])
        made.append(f'<path d="M{x:.1f} {TOP + HIGH}v4" stroke="currentColor" stroke-opacity=".5"/>')
        made.append(f'<text x="{x:.1f}" y="{TOP + HIGH + 16}" text-anchor="middle">{number(tick)}</text>')
    return "".join(made)


def _path(places: list[tuple[float, float]]) -> tuple[str, list[tuple[str, str]]]:
    """Return the path through points, broken at nan, and the isolated points, which a path does not show."""
    strokes: list[list[str]] = [[]]
    for x, y in places:
        if math.isnan(x):
            strokes.append([])
        else:
            strokes[-1].append(f"{x:.1f} {y:.1f}")
    alone = [tuple(stroke[0].split()) for stroke in strokes if len(stroke) == 1]
    return "".join("M" + "L".join(stroke) for stroke in strokes if len(stroke) > 1), [(x, y) for x, y in alone]
