"""Text with a colour behind each piece, and curves one line high, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.colours import RGB, Background, Kind, Scale, ink, linear, scale_of, table
from tidegate.drawing.text import columns, laid_out, visible
from tidegate.errors import ArgumentError

Colour = Literal["truecolor", "256", "none"]

BARS = "▁▂▃▄▅▆▇█"
RESET = "\x1b[0m"
LEVELS = 32  # shades on either side of zero: more cannot be told apart


def tinted(
    pieces: Sequence[str],
    values: ArrayLike,
    *,
    scale: Scale | Kind = "sequential",
    width: int = 80,
    colour: Colour = "truecolor",
    background: Background = "dark",
) -> str:
    r"""A text with a colour behind each piece, and a last line that says what the colours mean.

    Newlines are kept and seen as ``↵``; what a terminal would obey is written as its escape, such as ``\x1b``.

    Args:
        pieces: N stretches of text; joined they are the text.
        values: (N,) a number for each; nan leaves a piece as it is.
        scale: where the numbers lie on the scale of colours; fitted to them if only its kind is given.
        width: columns of the terminal, at least 16.
        colour: "truecolor"; "256" for terminals of that many; "none" writes a digit below each character instead:
            0 to 9, and below zero a to i for 1 to 9.
        background: whether numbers near zero are to be dark or light.

    Raises:
        ArgumentError: there are not as many values as pieces, the width is too small, or ``colour`` is none of these.
    """
    given = _checked(pieces, values)
    if width < 16:
        raise ArgumentError(f"width is {width}, but a text needs at least 16 columns")
    if colour not in ("truecolor", "256", "none"):
        raise ArgumentError(f"colour is {colour!r}, but must be 'truecolor', '256' or 'none'")
    fitted = scale_of(given, scale)
    rows = laid_out(pieces, width)
    places = fitted.places(given)
    if colour == "none":
        lines = [line for row in rows for line in _marked(row, places)]
        return "\n".join([*lines, _marks_legend(fitted, given)])
    steps = np.rint(np.nan_to_num(places) * LEVELS).astype(int)
    codes = {step: _code(fitted, step / LEVELS, colour, background) for step in {*steps.tolist(), -LEVELS, 0, LEVELS}}
    missing = np.isnan(given)
    lines = [
        "".join(text if missing[n] else f"{codes[steps[n]]}{text}{RESET}" for text, n in _joined(row, steps, missing))
        for row in rows
    ]
    low, high = fitted.ends(given)
    first = -LEVELS if fitted.kind == "diverging" else 0
    sample = np.unique(np.linspace(first, LEVELS, 9).round().astype(int)).tolist()
    bar = "".join(f"{_code(fitted, step / LEVELS, colour, background)}  {RESET}" for step in sample)
    unit = f" {visible(fitted.unit)}" if fitted.unit else ""
    return "\n".join([*lines, f"{low} {bar} {high}{unit}"])


def spark(values: ArrayLike, width: int | None = None) -> str:
    """Numbers as bars one line high, lowest to highest of them; a space where there is no finite number.

    Args:
        values: (N,).
        width: columns; more numbers than that are averaged, so that a bar is a stretch. None: one each.
    """
    given = np.asarray(values, np.float64).ravel()
    if width is not None and width < 1:
        raise ArgumentError(f"width is {width}, but must be at least 1")
    if width is not None and len(given) > width:
        given = np.array([_mean(part) for part in np.array_split(given, width)])
    finite = given[np.isfinite(given)]
    if not len(finite):
        return " " * len(given)
    low, high = finite.min(), finite.max()
    if low == high:
        return "".join(BARS[3] if np.isfinite(value) else " " for value in given)
    half = high / 2 - low / 2  # halves: the difference of the largest numbers is not finite
    return "".join(
        BARS[round((value / 2 - low / 2) / half * (len(BARS) - 1))] if np.isfinite(value) else " " for value in given
    )


def _mean(part: NDArray[np.float64]) -> float:
    finite = part[np.isfinite(part)]
    return float(finite.mean()) if len(finite) else np.nan


def _checked(pieces: Sequence[str], values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, np.float64)
    if given.shape != (len(pieces),):
        raise ArgumentError(f"{len(pieces)} pieces of text need as many values, not values of shape {given.shape}")
    return given


def _joined(row: list[tuple[str, int]], steps: NDArray[np.int_], missing: NDArray[np.bool_]) -> list[tuple[str, int]]:
    """Neighbours of one colour as one stretch: less for the terminal to read."""
    made: list[tuple[str, int]] = []
    for text, n in row:
        if made and steps[made[-1][1]] == steps[n] and missing[made[-1][1]] == missing[n]:
            made[-1] = (made[-1][0] + text, n)
        else:
            made.append((text, n))
    return made


def _marked(row: list[tuple[str, int]], places: NDArray[np.float64]) -> list[str]:
    """A row of text, and below it a mark for each column."""
    marks = "".join(_mark(places[n]) * columns(text) for text, n in row)
    return ["".join(text for text, _ in row), marks.rstrip()]


def _mark(place: float) -> str:
    if np.isnan(place):
        return " "
    ninth = round(abs(place) * 9)
    return str(ninth) if place >= 0 or not ninth else "abcdefghi"[ninth - 1]


def _marks_legend(scale: Scale, values: NDArray[np.float64]) -> str:
    low, high = scale.ends(values)
    unit = f" {visible(scale.unit)}" if scale.unit else ""
    return f"i {low}, 0 0, 9 {high}{unit}" if scale.kind == "diverging" else f"0 {low}, 9 {high}{unit}"


def _code(scale: Scale, place: float, colour: Colour, background: Background) -> str:
    colours = table(scale.kind, background)
    share = (place + 1) / 2 if scale.kind == "diverging" else place
    red, green, blue = colours[round(share * (len(colours) - 1))].tolist()
    if colour == "256":
        number, shown = nearest_256((red, green, blue))
        return f"\x1b[38;5;{16 if ink(shown) == (0, 0, 0) else 231};48;5;{number}m"
    text = ink((red, green, blue))[0]
    return f"\x1b[38;2;{text};{text};{text};48;2;{red};{green};{blue}m"


def nearest_256(colour: RGB) -> tuple[int, RGB]:
    """The nearest of xterm's colours 16 to 255 (a cube of 6 x 6 x 6, then 24 greys): its number and what it is."""
    cube = [0, 95, 135, 175, 215, 255]
    known = [(r, g, b) for r in cube for g in cube for b in cube]
    known += [(grey, grey, grey) for grey in range(8, 248, 10)]
    far = ((np.cbrt(linear(known)) - np.cbrt(linear(colour))) ** 2).sum(-1)
    best = int(far.argmin())
    return 16 + best, known[best]
