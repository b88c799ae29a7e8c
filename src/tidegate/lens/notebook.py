"""Shared by the notebook views and ``str()`` of results: tinted texts, tables, and charts as SVG files."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tidegate.drawing import Scale, caption_html, tinted_html
from tidegate.drawing.colours import number
from tidegate.drawing.text import columns, label
from tidegate.errors import ArgumentError

SHOWN = 2000  # pieces of a text in a notebook view
SIZE = re.compile(r'<svg [^>]*?width="(\d+)" height="(\d+)"')

Table = tuple[Sequence[Sequence[object]], Sequence[str]]
"""Rows and headers, as `tidegate.drawing.table_html` takes them."""


class Charted:
    """Base of results that draw charts or heat maps in a notebook, which `svg` gives as a file."""

    def svg(self) -> str:
        """Return the charts of the notebook view as the content of one SVG file, one below the other.

        Raises:
            ArgumentError: there is nothing to draw.

        Example:
            >>> pathlib.Path("flow.svg").write_text(flow.svg())  # doctest: +SKIP
        """
        return svg_file(self._charts())

    def _charts(self) -> Iterable[str]:
        """Return SVG elements, as `tidegate.drawing` makes them."""
        raise NotImplementedError


def svg_file(charts: Iterable[str]) -> str:
    """Return SVG elements as the content of one file, one below the other on a white background.

    Raises:
        ArgumentError: there are none.
    """
    placed, wide, high = [], 0, 0
    for chart in charts:
        size = SIZE.match(chart)
        assert size is not None
        placed.append(chart.replace("<svg ", f'<svg y="{high}" ', 1))
        wide, high = max(wide, int(size[1])), high + int(size[2])
    if not placed:
        raise ArgumentError("There is nothing to draw.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f'color="black"><rect width="{wide}" height="{high}" fill="white"/>{"".join(placed)}</svg>\n'
    )


def together(*parts: str) -> str:
    """Return fragments of HTML, one below the other."""
    return f"<div>{''.join(parts)}</div>"


def tinted_text(
    pieces: Sequence[str],
    values: ArrayLike,
    caption: str,
    unit: str = "",
    *,
    titles: Sequence[str] | None = None,
    scale: Scale | None = None,
) -> str:
    """Return the beginning of a text as HTML, with a colour behind each piece and its number as a tooltip.

    Args:
        pieces: N pieces of text.
        values: (N,) a number for each; nan for no colour.
        caption: what the numbers are; it is followed by how many pieces are shown, if not all.
        unit: unit of measure of the numbers.
        titles: N tooltips in place of the numbers.
        scale: scale of colours. Default: from 0, or around 0 if some numbers are negative, to the 99th percentile, so
            that a few outliers do not pale all others.
    """
    shown = np.asarray(values, np.float64)[:SHOWN]
    finite = np.abs(shown[np.isfinite(shown)])
    top = float(np.percentile(finite, 99)) if len(finite) else 0.0
    fitted = scale or Scale("diverging" if (shown < 0).any() else "sequential", top or 1.0, unit)
    shown_titles = [f"{number(value)} {unit}" for value in shown] if titles is None else titles[:SHOWN]
    more = f"; the first {SHOWN} of {len(pieces)} are shown" if len(pieces) > SHOWN else ""
    return together(caption_html(caption + more), tinted_html(pieces[:SHOWN], shown, shown_titles, scale=fitted))


def table_text(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """Return a table for a terminal: numbers right-aligned with four digits, control characters made visible."""
    cells = [[label(it) for it in headers], *([_shown(it) for it in row] for row in rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    right = [all(isinstance(it, int | float) for it in column) for column in zip(*rows, strict=True)]
    right = right or [False] * len(headers)
    return "\n".join(
        "  ".join(
            " " * (wide - columns(it)) + it if to_right else it + " " * (wide - columns(it))
            for it, wide, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    )


def _shown(cell: object) -> str:
    return number(cell) if isinstance(cell, int | float) else label(cell)
