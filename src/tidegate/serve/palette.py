"""The page's colour scales, as the terminal and the figures have them."""

from __future__ import annotations

from typing import Any

from tidegate.drawing.colours import LINES, Background, Kind, hexadecimal, ink, table

EVERY = 4  # of the 257 colours of a scale: the eye sees no more


def palette() -> dict[str, Any]:
    """For light and dark pages, the scales as [background, text] from one end to the other; and colours of lines."""
    kinds: tuple[Kind, ...] = ("diverging", "sequential")
    backgrounds: tuple[Background, ...] = ("light", "dark")
    scales = {ground: {kind: _scale(kind, ground) for kind in kinds} for ground in backgrounds}
    return {**scales, "lines": [hexadecimal(it) for it in LINES]}


def _scale(kind: Kind, background: Background) -> list[list[str]]:
    colours = [(int(red), int(green), int(blue)) for red, green, blue in table(kind, background)[::EVERY]]
    return [[hexadecimal(it), hexadecimal(ink(it))] for it in colours]
