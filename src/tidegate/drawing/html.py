"""Text with a colour behind each piece, and tables, as small fragments of HTML for a notebook or a page.

Colours are tints over the page's own background, and text has the page's own colour: the same fragment is legible on
light and dark pages and needs no style sheet. All text is escaped.
"""

import html
import re
from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from tidegate.drawing.colours import Kind, Scale, number, scale_of, tint
from tidegate.drawing.text import NEWLINE, visible
from tidegate.errors import ArgumentError

LEVELS = 20  # shades on either side of zero
MONOSPACE = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;line-height:1.45"
SANS = "font-family:system-ui,sans-serif;font-size:12px"


def escaped(text: object) -> str:
    r"""Escape a text for HTML, as content or between double quotes; control characters become ``\x00`` and the like."""
    return html.escape(visible(str(text)))


def tinted_html(
    pieces: Sequence[str],
    values: ArrayLike,
    titles: Sequence[str] | None = None,
    *,
    scale: Scale | Kind = "sequential",
) -> str:
    """Return a text with a colour behind each piece, and a legend.

    Args:
        pieces: N parts of the text.
        values: (N,) a number for each; nan leaves a piece as it is.
        titles: N tooltips.
        scale: the colour scale; fitted to the values if only its kind is given.

    Raises:
        ArgumentError: the number of values or titles is not that of the pieces.
    """
    given = np.asarray(values, np.float64)
    if given.shape != (len(pieces),):
        raise ArgumentError(f"{len(pieces)} pieces of text need as many values, not values of shape {given.shape}.")
    if titles is not None and len(titles) != len(pieces):
        raise ArgumentError(f"{len(pieces)} pieces of text need as many titles, not {len(titles)}.")
    fitted = scale_of(given, scale)
    places = np.rint(fitted.places(given) * LEVELS) / LEVELS
    styles = {place: _style(place) for place in set(places[~np.isnan(places)].tolist())}
    spans = []
    for n, (piece, place) in enumerate(zip(pieces, places.tolist(), strict=True)):
        shown = escaped(piece).replace("\n", f"{NEWLINE}\n")
        attributes = styles.get(place, "")  # nan is not in it
        if titles is not None:
            attributes += f' title="{escaped(titles[n])}"'
        spans.append(f"<span{attributes}>{shown}</span>" if attributes else shown)
    text = f'<div style="white-space:pre-wrap;overflow-wrap:anywhere;{MONOSPACE}">{"".join(spans)}</div>'
    return f"<div>{text}{legend_html(fitted, given)}</div>"


def legend_html(scale: Scale, values: ArrayLike = ()) -> str:
    """Return the legend of a scale: its colours between the labels of its ends."""
    low, high = scale.ends(values)
    first = -1 if scale.kind == "diverging" else 0
    bar = "".join(
        f'<span{_style(place)} aria-hidden="true">&#8199;&#8199;</span>' for place in np.linspace(first, 1, 9)
    )
    ends = escaped(f"{low} "), escaped(f" {high} {scale.unit}")
    return f'<div style="{SANS};margin:4px 0;opacity:.85">{ends[0]}{bar}{ends[1]}</div>'


def caption_html(text: str) -> str:
    """Return a line of plain text, for above or below a drawing."""
    return f'<div style="{SANS};margin:4px 0">{escaped(text)}</div>'


def preformatted_html(text: str) -> str:
    """Return a text with its own lines and columns."""
    return f'<pre style="{MONOSPACE};margin:4px 0">{html.escape(visible(text))}</pre>'


def table_html(rows: Sequence[Sequence[object]], headers: Sequence[str], *, caption: str = "") -> str:
    """Return a table; numbers have four digits, and are right-aligned, as are texts of digits ("1,234").

    Raises:
        ArgumentError: the number of cells of a row is not that of the headers.
    """
    for n, row in enumerate(rows):
        if len(row) != len(headers):
            raise ArgumentError(f"Row {n} has {len(row)} cells for {len(headers)} headers.")
    numeric = [bool(rows) and all(_reads_as_number(row[column]) for row in rows) for column in range(len(headers))]
    sides = ["right" if it else "left" for it in numeric]
    head = "".join(
        f'<th scope="col" style="text-align:{side};padding:2px 8px">{escaped(header)}</th>'
        for header, side in zip(headers, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{side};padding:2px 8px">{escaped(_shown(cell))}</td>'
            for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    heading = f'<caption style="text-align:left;opacity:.85">{escaped(caption)}</caption>' if caption else ""
    return (
        f'<table style="{SANS};border-collapse:collapse">{heading}<thead style="border-bottom:1px solid">'
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _is_number(cell: object) -> TypeGuard[float]:
    return isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool)


def _reads_as_number(cell: object) -> bool:
    return _is_number(cell) or (isinstance(cell, str) and re.fullmatch(r"[\d,]+|-", cell) is not None)


def _shown(cell: object) -> object:
    return number(cell) if _is_number(cell) else cell


def _style(place: float) -> str:
    (red, green, blue), opacity = tint(place)
    return f' style="background:rgba({red},{green},{blue},{opacity:.2g})"' if opacity else ""
