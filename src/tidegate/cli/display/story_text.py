"""The story of a run as text for a terminal: sentences, and texts tinted by hidden units."""

from __future__ import annotations

import os
import shutil
import sys
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.drawing.terminal import Colour
    from tidegate.lens.highlights import Section, Strip

__all__ = ["story_text"]

WIDTH = 80


def story_text(sections: Sequence[Section]) -> str:
    """Return the sentences of sections below their titles, and their tinted texts where the terminal has colours."""
    from tidegate.drawing.text import visible
    from tidegate.lens.highlights import Sentence, Strip

    width = max(20, min(WIDTH, shutil.get_terminal_size().columns))
    colour = _colours()
    blocks = []
    for section in sections:
        lines = [section.title.upper()]
        for part in section.parts:
            if isinstance(part, Sentence):
                lines.append(fill(visible(part.text), width))
            elif isinstance(part, Strip) and colour != "none":
                lines.append(_tinted(part, width, colour))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _tinted(strip: Strip, width: int, colour: Colour) -> str:
    from tidegate.drawing.colours import Scale
    from tidegate.drawing.terminal import tinted

    scale = Scale("diverging", strip.top, strip.label)
    return tinted(strip.pieces, strip.values, scale=scale, width=width, colour=colour)


def _colours() -> Colour:
    """Return the colours that the terminal supports, from its environment (no-color.org; COLORTERM)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return "none"
    return "truecolor" if os.environ.get("COLORTERM", "") in ("truecolor", "24bit") else "256"
