"""Drawing primitives of plain numbers and strings: coloured text, curves, heat maps; HTML, terminal, figures.

Everything here escapes the text it is given. Figures for files are in `tidegate.drawing.figures`; they need matplotlib.
"""

from tidegate.drawing.colours import Scale, scale_of
from tidegate.drawing.heat_map import heat_map_svg
from tidegate.drawing.html import caption_html, table_html, tinted_html
from tidegate.drawing.svg import line_chart_svg
from tidegate.drawing.terminal import spark, tinted

__all__ = [
    "Scale",
    "caption_html",
    "heat_map_svg",
    "line_chart_svg",
    "scale_of",
    "spark",
    "table_html",
    "tinted",
    "tinted_html",
]
