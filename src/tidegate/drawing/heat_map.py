"""Heat maps as small SVG fragments: one picture with a palette in which zero is transparent."""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.colours import BLUE, MISSING, VERMILLION, Kind, Scale, scale_of
from tidegate.drawing.html import escaped
from tidegate.drawing.svg import svg
from tidegate.drawing.text import columns as columns_of
from tidegate.drawing.text import label
from tidegate.errors import ArgumentError

WIDTH, LEFT, TOP = 640, 64, 22
WIDE = WIDTH - LEFT - 8
MOST = 4_000_000  # cells: more than a screen can show
ZERO = 127  # of 255 shades; the last entry of the palette, 255, is what is missing
OPACITY = 0.9  # there is no text on the cells


def heat_map_svg(
    matrix: ArrayLike,
    rows: Sequence[object] = (),
    columns: Sequence[object] = (),
    *,
    scale: Scale | Kind = "diverging",
    title: str = "",
    x_label: str = "",
    y_label: str = "",
) -> str:
    """Draw a matrix as a picture with a legend below; nan is grey.

    Args:
        matrix: (R, C).
        rows: R labels; without them, the rows are numbered. As many are shown as there is room for.
        columns: C labels; without them, or if they would overlap, the columns are numbered.
        scale: the colour scale; fitted to the values if only its kind is given.
        title: of the drawing.
        x_label: name of the columns.
        y_label: name of the rows.

    Raises:
        ArgumentError: it is not a matrix, has more than 4,000,000 cells, or the number of labels does not fit.
    """
    given = checked_matrix(matrix, rows, columns)
    fitted = scale_of(given, scale)
    down, across = given.shape
    cell = WIDE / max(across, 1)
    high = min(max(down * min(max(cell, 3.0), 18.0), 60.0), 360.0)
    drawn = [f'<text x="{LEFT}" y="14" font-weight="600">{escaped(title)}</text>' if title else ""]
    if given.size:
        drawn.append(
            f'<image x="{LEFT}" y="{TOP}" width="{WIDE}" height="{high:.1f}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="{_png(_shades(fitted.places(given)))}"/>'
        )
    drawn.append(
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDE}" height="{high:.1f}" fill="none" stroke="currentColor" '
        'stroke-opacity=".4"/>'
    )
    names = short_labels(rows, down)
    drawn += [
        f'<text x="{LEFT - 5}" y="{TOP + high * (n + 0.5) / down + 4:.1f}" text-anchor="end">{escaped(names[n])}</text>'
        for n in range(0, down, every(down, high / 12))
    ]
    names, shown = below_columns(columns, across, WIDE / across if across else WIDE)
    drawn += [
        f'<text x="{LEFT + WIDE * (n + 0.5) / across:.1f}" y="{TOP + high + 13:.1f}" text-anchor="middle">'
        f"{escaped(names[n])}</text>"
        for n in shown
    ]
    y = TOP + high + 30
    if y_label:
        middle = TOP + high / 2
        drawn.append(
            f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle">{escaped(y_label)}</text>'
        )
    low, top = fitted.ends(given)
    bar = np.linspace(-1.0 if fitted.kind == "diverging" else 0.0, 1.0, 64)[None]
    drawn.append(
        f'<text x="{LEFT}" y="{y:.1f}">{escaped(low)}</text>'
        f'<image x="{LEFT + 60}" y="{y - 9:.1f}" width="120" height="10" preserveAspectRatio="none" '
        f'href="{_png(_shades(bar))}"/>'
        f'<text x="{LEFT + 186}" y="{y:.1f}">{escaped(f"{top} {fitted.unit}")}</text>'
    )
    if x_label:
        drawn.append(f'<text x="{LEFT + WIDE}" y="{y:.1f}" text-anchor="end">{escaped(x_label)}</text>')
    missing = int(np.isnan(given).sum())
    if missing:
        y += 15
        drawn.append(f'<text x="{LEFT}" y="{y:.1f}">grey: not a number, {missing} of {given.size}</text>')
    return svg(drawn, WIDTH, round(y + 8), title or "heat map")


def checked_matrix(matrix: ArrayLike, rows: Sequence[object], columns: Sequence[object]) -> NDArray[np.float64]:
    """Return the matrix as float64.

    Raises:
        ArgumentError: it is not a matrix, has more than 4,000,000 cells, or the number of labels does not fit.
    """
    given = np.asarray(matrix, np.float64)
    if given.ndim != 2:
        raise ArgumentError(f"A heat map needs a matrix (R, C), not values of shape {given.shape}.")
    if given.size > MOST:
        raise ArgumentError(f"A heat map of shape {given.shape} has more than {MOST:,} cells: take a part of it.")
    for what, labels, size in (("rows", rows, given.shape[0]), ("columns", columns, given.shape[1])):
        if len(labels) not in (0, size):
            raise ArgumentError(f"{size} {what} need as many labels or none, not {len(labels)}.")
    return given


def short_labels(labels: Sequence[object], size: int) -> list[str]:
    """Shorten labels to 9 characters on one line; without labels, return numbers."""
    names = [label(it) for it in labels] or [str(n) for n in range(size)]
    return [it if len(it) <= 9 else it[:8] + "…" for it in names]


def below_columns(
    labels: Sequence[object], size: int, pitch: float, letter: float = 7.0
) -> tuple[list[str], list[int]]:
    """Return labels of columns and the indices of those to show so that none overlap; numbers if most would not fit.

    Args:
        labels: one per column, or none.
        size: the number of columns.
        pitch: the distance between columns.
        letter: the width of a letter, in the same unit of measure.
    """
    names = short_labels(labels, size)
    shown: list[int] = []
    end = -float("inf")
    for n, name in enumerate(names if labels else ()):
        half = (columns_of(name) + 0.2) * letter / 2
        if n * pitch - half >= end:
            shown.append(n)
            end = n * pitch + half
    if 2 * len(shown) > size:
        return names, shown
    return short_labels((), size), list(range(0, size, every(size, pitch * size / letter / 6)))


def every(size: int, room: float) -> int:
    """Return n such that every n-th label fits: 1, 2 or 5 times a power of ten."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if size <= step * max(room, 1):
                return step
        power *= 10


def _shades(places: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Map places -1 to 1 to indices of the palette."""
    missing = np.isnan(places)
    shades = np.rint(np.where(missing, 0, places) * ZERO).astype(int) + ZERO
    return np.where(missing, 255, shades).astype(np.uint8)


def _png(shades: NDArray[np.uint8]) -> str:
    """Encode palette indices as a PNG (ISO/IEC 15948, colour type 3 with alpha) in a data URL."""
    far = np.abs(np.arange(256) - ZERO) / ZERO
    colours = np.where(np.arange(256)[:, None] > ZERO, VERMILLION, BLUE).astype(np.uint8)
    alpha = np.rint(far.clip(0, 1) * OPACITY * 255).astype(np.uint8)
    colours[255], alpha[255] = MISSING, 110
    down, across = shades.shape
    lines = np.concatenate([np.zeros((down, 1), np.uint8), shades], 1)  # each begins with its filter: 0, none
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", across, down, 8, 3, 0, 0, 0),
        b"PLTE": colours.tobytes(),
        b"tRNS": alpha.tobytes(),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    made = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )
    return "data:image/png;base64," + base64.b64encode(made).decode()
