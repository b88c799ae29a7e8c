"""Text with a colour behind each piece, for a terminal."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.drawing.colours import RGB, Background, Kind, Scale, ink, linear, scale_of, table
from tidegate.drawing.text import columns, laid_out, visible
from tidegate.errors import ArgumentError

Colour = Literal["truecolor", "256", "none"]

RESET = "\x1b[0m"
LEVELS = 32  # shades on either side of zero: more cannot be distinguished


def tinted(
    pieces: Sequence[str],
    values: ArrayLike,
    *,
    scale: Scale | Kind = "sequential",
    width: int = 80,
    colour: Colour = "truecolor",
    background: Background = "dark",
) -> str:
    r"""Return a text with a colour behind each piece, and a legend as its last line.

    Newlines are kept and shown as ``↵``; control characters are escaped, such as ``\x1b``.

    Args:
        pieces: N parts of the text.
        values: (N,) a number for each; nan leaves a piece as it is.
        scale: the colour scale; fitted to the values if only its kind is given.
        width: columns of the terminal, at least 16.
        colour: "truecolor"; "256" for terminals with 256 colours; "none" writes a digit below each character instead:
            0 to 9, and below zero a to i for 1 to 9.
        background: whether numbers near zero are dark or light.

    Raises:
        ArgumentError: the number of values is not that of the pieces, the width is too small, or ``colour`` is none of
            these.
    """
    given = _checked(pieces, values)
    if width < 16:
        raise ArgumentError(f"width is {width}, but a text needs at least 16 columns.")
    if colour not in ("truecolor", "256", "none"):
        raise ArgumentError(f"colour is {colour!r}, but must be 'truecolor', '256' or 'none'.")
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


def _checked(pieces: Sequence[str], values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, np.float64)
    if given.shape != (len(pieces),):
        raise ArgumentError(f"{len(pieces)} pieces of text need as many values, not values of shape {given.shape}.")
    return given


def _joined(row: list[tuple[str, int]], steps: NDArray[np.int_], missing: NDArray[np.bool_]) -> list[tuple[str, int]]:
    """Join neighbours of one colour: fewer escapes for the terminal."""
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
    """Return the number and colour of the nearest of xterm's colours 16 to 255 (a cube of 6 x 6 x 6, then 24 greys)."""
    cube = [0, 95, 135, 175, 215, 255]
    known = [(r, g, b) for r in cube for g in cube for b in cube]
    known += [(grey, grey, grey) for grey in range(8, 248, 10)]
    far = ((np.cbrt(linear(known)) - np.cbrt(linear(colour))) ** 2).sum(-1)
    best = int(far.argmin())
    return 16 + best, known[best]
