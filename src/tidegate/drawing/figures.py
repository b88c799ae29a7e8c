"""Figures for papers and slides, by matplotlib's object-oriented interface: pyplot and its global state stay untouched.

Text of any script is drawn in an installed font that has it, and as a box where none has: never with a warning.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tidegate.drawing.colours import MISSING, Kind, Scale, ink, line_style, scale_of, table
from tidegate.drawing.heat_map import below_columns, checked_matrix, every, short_labels
from tidegate.drawing.svg import Curve, points
from tidegate.drawing.text import columns as columns_of
from tidegate.drawing.text import label, laid_out, visible
from tidegate.errors import ArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BOX = "\N{WHITE SQUARE}"
# Fonts with scripts that matplotlib's own DejaVu has not, by the names that systems install them under.
FURTHER = (
    "Noto Sans Mono CJK KR",
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Source Han Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Hiragino Sans",
    "Yu Gothic",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "IPAGothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Symbols2",
    "Arial Unicode MS",
    "Unifont",
)


def line_chart(
    series: Mapping[str, Curve],
    *,
    log_y: bool = False,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
) -> Figure:
    """Curves by name.

    Args:
        series: x and y of each; where one of them is not finite the line is broken.
        log_y: a logarithmic axis for y.
        title: above it all.
        x_label: below the x axis.
        y_label: beside the y axis.

    Raises:
        ArgumentError: x and y of a curve are not of one length.
        MissingDependencyError: matplotlib is not installed.
    """
    figure = _figure(6.4, 3.6)
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(series.items()):
        x, y = points(name, curve, log_y=log_y).T
        rgb, dashes = line_style(index)
        style: Any = (0, tuple(float(it) for it in dashes.split())) if dashes else "solid"
        axes.plot(x, 10**y if log_y else y, color=_shares(rgb), linestyle=style, linewidth=1.4)
    if log_y:
        axes.set_yscale("log")
    axes.grid(visible=True, alpha=0.25)
    if series:
        legend = axes.legend(axes.get_lines(), ["" for _ in series], frameon=False)
        for text, name in zip(legend.get_texts(), series, strict=True):
            _write(text, label(name))
    _titles(axes, title, x_label, y_label)
    return figure


def heat_map(
    matrix: ArrayLike,
    rows: Sequence[object] = (),
    columns: Sequence[object] = (),
    *,
    scale: Scale | Kind = "diverging",
    title: str = "",
    x_label: str = "",
    y_label: str = "",
) -> Figure:
    """A matrix (R, C) as a picture with a colour bar; nan is grey.

    Args:
        matrix: (R, C).
        rows: what stands before each row, R of them or none; as many as there is room for are shown.
        columns: what stands below each column, C of them or none.
        scale: where the numbers lie on the scale of colours; fitted to them if only its kind is given.
        title: above it all.
        x_label: what the columns are.
        y_label: what the rows are.

    Raises:
        ArgumentError: it is not a matrix, or the labels are not as many.
        MissingDependencyError: matplotlib is not installed.
    """
    given = checked_matrix(matrix, rows, columns)
    fitted = scale_of(given, scale)
    colors = _needed("matplotlib.colors")
    shades = colors.ListedColormap(table(fitted.kind) / 255).with_extremes(bad=_shares(MISSING))
    figure = _figure(7.2, 4.0)
    axes = figure.add_subplot()
    low = -fitted.top if fitted.kind == "diverging" else 0.0
    shown = given if given.size else np.full((1, 1), np.nan)
    picture = axes.imshow(shown, shades, vmin=low, vmax=fitted.top, aspect="auto", interpolation="nearest")
    bar = figure.colorbar(picture, ax=axes)
    _write(bar.ax.yaxis.label, visible(fitted.unit))
    if rows:
        down = given.shape[0]
        _ticks(axes.set_yticks, short_labels(rows, down), range(0, down, every(down, 22)))
    _below(axes, columns, given.shape[1], letter=0.012)
    _titles(axes, title, x_label, y_label)
    return figure


def tinted_text(
    pieces: Sequence[str],
    values: ArrayLike,
    *,
    scale: Scale | Kind = "sequential",
    width: int = 80,
    title: str = "",
) -> Figure:
    """A text with a colour behind each piece, and a colour bar.

    Args:
        pieces: N stretches of text; joined they are the text, of at most 200 rows.
        values: (N,) a number for each; nan leaves a piece as it is.
        scale: where the numbers lie on the scale of colours; fitted to them if only its kind is given.
        width: letters in a row.
        title: above it all.

    Raises:
        ArgumentError: there are not as many values as pieces, or too many rows.
        MissingDependencyError: matplotlib is not installed.
    """
    given = np.asarray(values, np.float64)
    if given.shape != (len(pieces),):
        raise ArgumentError(f"{len(pieces)} pieces of text need as many values, not values of shape {given.shape}")
    if width < 16:
        raise ArgumentError(f"width is {width}, but a text needs at least 16 columns")
    rows = list(laid_out(pieces, width))
    if len(rows) > 200:
        raise ArgumentError(f"the text has {len(rows)} rows of {width} letters, and a figure room for 200: take a part")
    fitted = scale_of(given, scale)
    places, colours = fitted.places(given), table(fitted.kind)
    shares = (places + 1) / 2 if fitted.kind == "diverging" else places
    patches, colors, cm = _needed("matplotlib.patches"), _needed("matplotlib.colors"), _needed("matplotlib.cm")
    figure = _figure(0.5 + 0.09 * width, 1.3 + 0.2 * max(len(rows), 1))
    axes = figure.add_subplot()
    axes.set(xlim=(0, width), ylim=(max(len(rows), 1), 0))
    axes.set_axis_off()
    for down, row in enumerate(rows):
        across = 0
        for text, n in row:
            wide, colour = columns_of(text), (255, 255, 255)
            if not np.isnan(places[n]):
                red, green, blue = colours[round(shares[n] * (len(colours) - 1))].tolist()
                colour = (red, green, blue)
                axes.add_patch(patches.Rectangle((across, down), wide, 1, facecolor=_shares(colour), linewidth=0))
            for character in text:  # one by one: fonts of different widths keep to the columns
                size = columns_of(character)
                if character.strip():
                    made = axes.text(across + size / 2, down + 0.55, "", ha="center", va="center", fontsize=9)
                    made.set(color=_shares(ink(colour)), in_layout=False)
                    _write(made, character, mono=True)
                across += size
    low = -fitted.top if fitted.kind == "diverging" else 0.0
    shades = cm.ScalarMappable(colors.Normalize(low, fitted.top), colors.ListedColormap(colours / 255))
    bar = figure.colorbar(shades, ax=axes, orientation="horizontal", fraction=0.05, shrink=0.4, pad=0.02)
    _write(bar.ax.xaxis.label, visible(fitted.unit))
    _titles(axes, title, "", "")
    return figure


def strips(
    values: Mapping[str, ArrayLike],
    labels: Sequence[object] = (),
    *,
    title: str = "",
    x_label: str = "",
) -> Figure:
    """Curves over the same steps, one below the other, as gates of one unit over a text.

    Args:
        values: the T values of each, by name.
        labels: what stands below each step, T of them or none; as many are shown as there is room for.
        title: above it all.
        x_label: what the steps are.

    Raises:
        ArgumentError: there is no curve, or they are not of one length.
        MissingDependencyError: matplotlib is not installed.
    """
    given = {name: np.asarray(it, np.float64) for name, it in values.items()}
    shapes = {it.shape for it in given.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise ArgumentError(f"strips need one or more curves (T,) of one length, not {sorted(map(str, shapes))}")
    (steps,) = next(iter(shapes))
    if len(labels) not in (0, steps):
        raise ArgumentError(f"{steps} steps need as many labels or none, not {len(labels)}")
    figure = _figure(8.0, 0.7 + 0.9 * len(given))
    grid = figure.subplots(len(given), 1, sharex=True, squeeze=False)[:, 0]
    for index, (axes, (name, curve)) in enumerate(zip(grid, given.items(), strict=True)):
        finite = np.where(np.isfinite(curve), curve, np.nan)
        axes.axhline(0, color="0.7", linewidth=0.6)
        axes.plot(np.arange(steps), finite, color=_shares(line_style(0)[0]), linewidth=1.2, marker="." * (steps < 2))
        _titles(axes, title if not index else "", "", name)
        axes.yaxis.label.set(rotation=0, ha="right", va="center")
    _below(grid[-1], labels, steps, letter=0.01)
    _titles(grid[-1], title if len(given) == 1 else "", x_label, list(given)[-1])
    return figure


def save(figure: Figure, path: Path, *, dpi: int = 150) -> Path:
    """Write a figure as PNG: the same figure gives the same bytes, and the file appears when it is whole.

    Args:
        figure: the figure.
        path: of the file, whose name ends in ``.png``; its folder must be there.
        dpi: dots per inch.

    Raises:
        ArgumentError: the name ends in something else; ``figure.savefig`` writes other kinds of files.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ArgumentError(f"{path.name!r} should end in .png; for other kinds of files there is figure.savefig")
    handle, beside = tempfile.mkstemp(suffix=".png", prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            figure.savefig(file, format="png", dpi=dpi, metadata={"Software": None})
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return path


def _needed(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        missing = (error.name or module).partition(".")[0]
        raise MissingDependencyError(f"A figure needs {missing}: pip install 'tidegate[look]'") from error


def _figure(wide: float, high: float) -> Figure:
    figure = _needed("matplotlib.figure").Figure(figsize=(wide, high), layout="constrained")
    _needed("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def _shares(rgb: Sequence[int]) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in rgb)


def _titles(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    for text, said in ((axes.title, title), (axes.xaxis.label, x_label), (axes.yaxis.label, y_label)):
        _write(text, visible(said))


def _below(axes: Axes, labels: Sequence[object], size: int, *, letter: float) -> None:
    """Labels below columns, if there are any; a letter takes that share of the axis."""
    if labels:
        names, shown = below_columns(labels, size, 1 / size, letter)
        _ticks(axes.set_xticks, names, shown)


def _ticks(place: Any, names: Sequence[str], shown: Sequence[int]) -> None:
    words, families = in_fonts("\n".join(names[n] for n in shown))
    place(shown, words.split("\n"), fontfamily=list(families), parse_math=False)


def _write(text: Any, said: str, *, mono: bool = False) -> None:
    """Put words into a figure as they are: no mathematics in dollar signs, and fonts that have the letters."""
    shown, families = in_fonts(said, "DejaVu Sans Mono" if mono else "DejaVu Sans")
    text.set(parse_math=False, text=shown, fontfamily=list(families))


def in_fonts(text: str, first: str = "DejaVu Sans") -> tuple[str, tuple[str, ...]]:
    """A text with a box for each letter that no installed font has, and the fonts that have the others."""
    families, covered = [first], letters(first)
    wanted = {character for character in text if character not in "\n"}
    for family in FURTHER if not wanted <= covered else ():
        if (wanted & letters(family)) - covered:
            families.append(family)
            covered |= letters(family)
    return "".join(it if it in covered or it == "\n" else BOX for it in text), tuple(families)


@cache
def letters(family: str) -> frozenset[str]:
    """The letters that an installed font has; none if it is not installed."""
    manager = _needed("matplotlib.font_manager")
    if all(it.name != family for it in manager.fontManager.ttflist):
        return frozenset()
    found = manager.findfont(manager.FontProperties(family=[family]), fallback_to_default=False)
    return frozenset(map(chr, manager.get_font(found).get_charmap()))
