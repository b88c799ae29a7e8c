"""What the notebook views and the ``str()`` of several results share: a tinted text, and a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tidegate.drawing import Scale, caption_html, tinted_html
from tidegate.drawing.colours import number
from tidegate.drawing.text import columns, label

SHOWN = 2000  # pieces of a text in a notebook's view

Table = tuple[Sequence[Sequence[object]], Sequence[str]]
"""Rows and headers, as `tidegate.drawing.table_html` takes them."""


def together(*parts: str) -> str:
    """Fragments of HTML, one below the other."""
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
    """The beginning of a text with a colour behind each piece, the number where the pointer is.

    Args:
        pieces: N stretches of text.
        values: (N,) a number for each; nan leaves a piece as it is.
        caption: what the numbers are; what is left out is added.
        unit: of the numbers.
        titles: N texts, in place of the numbers.
        scale: from 0 up, or about 0 if there are numbers below it, to the 99th percentile, if not given: a few pieces
            must not pale all others.
    """
    shown = np.asarray(values, np.float64)[:SHOWN]
    finite = np.abs(shown[np.isfinite(shown)])
    top = float(np.percentile(finite, 99)) if len(finite) else 0.0
    fitted = scale or Scale("diverging" if (shown < 0).any() else "sequential", top or 1.0, unit)
    said = [f"{number(value)} {unit}" for value in shown] if titles is None else titles[:SHOWN]
    more = f"; the first {SHOWN} of {len(pieces)} are shown" if len(pieces) > SHOWN else ""
    return together(caption_html(caption + more), tinted_html(pieces[:SHOWN], shown, said, scale=fitted))


def table_text(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """A table for a terminal: numbers with four digits, to the right; nothing that a terminal would obey."""
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
