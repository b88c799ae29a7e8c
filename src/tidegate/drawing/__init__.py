"""Drawing primitives of plain numbers and strings: coloured text, curves, heat maps; HTML, SVG, terminal.

Everything here escapes the text it is given.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.drawing.colours import Scale, scale_of
    from tidegate.drawing.heat_map import heat_map_svg
    from tidegate.drawing.html import caption_html, table_html, tinted_html
    from tidegate.drawing.svg import line_chart_svg
    from tidegate.drawing.terminal import tinted

__all__ = [
    "Scale",
    "caption_html",
    "heat_map_svg",
    "line_chart_svg",
    "scale_of",
    "table_html",
    "tinted",
    "tinted_html",
]

# Imported on use: the command line needs `tidegate.drawing.text` alone before it answers, and no NumPy for it.
_HOMES = {"heat_map_svg": "heat_map", "line_chart_svg": "svg", "tinted": "terminal"}
_HOMES |= dict.fromkeys(("caption_html", "table_html", "tinted_html"), "html")
_HOMES |= dict.fromkeys(("Scale", "scale_of"), "colours")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"tidegate.drawing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tidegate.drawing' has no attribute {name!r}")
