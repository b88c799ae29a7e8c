"""Shared by the notebook views and ``str()`` of results: tinted texts and tables."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tidegate.drawing import Scale, caption_html, tinted_html
from tidegate.drawing.colours import number
from tidegate.drawing.text import columns, label

SHOWN = 2000  # pieces of a text in a notebook view
MARK = re.compile("<[^<>]+>|⟨[^⟨⟩]+⟩")  # such as "<unk>" or "⟨start⟩"

Table = tuple[Sequence[Sequence[object]], Sequence[str]]
"""Rows and headers, as `tidegate.drawing.table_html` takes them."""


def spaced(read: Sequence[str]) -> list[str]:
    """Return what was read as the pieces of a text: words with blanks between them, characters without.

    Pieces that bring their blanks stay as they are; marks such as "<unk>" and "⟨start⟩" do not count as words.
    """
    plain = [it for it in read if not MARK.fullmatch(it)]
    words = any(len(it) > 1 for it in plain) and not any(it[:1].isspace() for it in plain)
    return [f"{it} " if words else it for it in read]


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
