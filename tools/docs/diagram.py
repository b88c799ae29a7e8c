"""One step of a cell as an SVG drawing, in the colour of the surrounding text, so that dark pages work."""

from __future__ import annotations

import re
from html import escape

from tidegate.cells import Cell
from tools.docs.layers import Placed, place
from tools.docs.step_graph import Node, step_graph

LETTER = 8.2  # pixels; an estimate, as there is no font to measure here
HEIGHT = 30.0
BETWEEN = 46.0  # columns
MARGIN = 16.0
SUBSCRIPT = re.compile(r"([^\W_]+'?)_(\{[^}]*\}|\w+)")


def diagram(cell: Cell) -> str:
    """Draw a cell as an ``<svg>`` element without blank lines, scripts or references to other elements."""
    graph = step_graph(cell)
    late = [k for k, n in enumerate(graph.nodes) if n.kind in ("weights", "output") or _is_mask(n)]
    heights = [HEIGHT + (18 if node.caption else 0) for node in graph.nodes]
    placement = place(heights, graph.edges, late)
    widths = [_width(node) for node in graph.nodes]
    columns = 1 + max(item.column for item in placement.items)
    wide = [
        max((widths[i.node] for i in placement.items if i.column == c and i.node is not None), default=0.0)
        for c in range(columns)
    ]
    left = [MARGIN + sum(wide[:c]) + BETWEEN * c for c in range(columns)]
    middle = [left[c] + wide[c] / 2 for c in range(columns)]
    bottom = max(i.y + (4 if i.node is None else heights[i.node] / 2) for i in placement.items) + 2 * MARGIN

    def border(item: Placed, side: int) -> float:
        width = wide[item.column] if item.node is None else widths[item.node]
        return middle[item.column] + side * width / 2

    def level(item: Placed) -> float:
        # A node's box is in the lower part of its place, below its caption.
        shift = 0.0 if item.node is None else (heights[item.node] - HEIGHT) / 2
        return item.y + MARGIN + shift

    arrows: list[str] = []
    for start, end in placement.segments:
        a, b = placement.items[start], placement.items[end]
        x0, x1, y0, y1 = border(a, 1), border(b, -1), level(a), level(b)
        bend = (x1 - x0) / 2
        path = f"M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        if b.node is None:
            path += f"H{border(b, 1):.1f}"
        arrows.append(f'<path d="{path}"{"" if b.node is None else _HEAD}/>')
    boxes = [_box(graph.nodes[i.node], middle[i.column], level(i)) for i in placement.items if i.node is not None]
    width = left[-1] + wide[-1] + MARGIN
    return "\n".join(
        [
            f'<svg class="step" viewBox="0 0 {width:.0f} {bottom:.0f}" width="{width:.0f}" height="{bottom:.0f}" '
            f'style="min-width: {0.7 * width:.0f}px" '
            f'role="img" aria-label="One step of {escape(cell.name)}, from its inputs to its states">',
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="currentColor"/></marker></defs>',
            '<g class="arrows" fill="none" stroke="currentColor" stroke-opacity="0.55" stroke-width="1.3">',
            *arrows,
            "</g>",
            *boxes,
            "</svg>",
        ]
    )


_HEAD = ' marker-end="url(#head)"'


def _is_mask(node: Node) -> bool:
    """Whether a node is drawn beside its user, and not with x_t and the states at the left."""
    return node.kind == "input" and node.label != "x_t" and not node.label.endswith("{t-1}")


def _width(node: Node) -> float:
    letters = len(re.sub(r"[_{}]", "", node.label))
    return max(HEIGHT, letters * LETTER + 16)


def _box(node: Node, x: float, y: float) -> str:
    width = _width(node)
    round_by = {"input": 15, "output": 15, "weights": 0, "function": 7, "pointwise": 15}[node.kind]
    shape = (
        f'<rect x="{x - width / 2:.1f}" y="{y - HEIGHT / 2:.1f}" width="{width:.1f}" height="{HEIGHT:g}" '
        f'rx="{round_by}" fill="currentColor" fill-opacity="{0.16 if node.kind in ("input", "output") else 0.05}" '
        'stroke="currentColor" stroke-width="1.2"/>'
    )
    caption = f'<text class="name" x="{x:.1f}" y="{y - HEIGHT / 2 - 6:.1f}">{_text(node.caption)}</text>'
    label = f'<text x="{x:.1f}" y="{y + 5:.1f}">{_text(node.label)}</text>'
    return f'<g class="{node.kind}">{shape}{label}{caption if node.caption else ""}</g>'


def _text(label: str) -> str:
    """Return the label with subscripts."""

    def lowered(found: re.Match[str]) -> str:
        index = found[2].strip("{}").replace("-", "−")
        return f'<tspan font-style="italic">{found[1]}</tspan><tspan dy="4" font-size="11">{index}</tspan>' + _BACK

    return SUBSCRIPT.sub(lowered, escape(label, quote=False)).removesuffix(_BACK)


_BACK = '<tspan dy="-4">&#8203;</tspan>'
