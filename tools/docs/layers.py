"""Place a graph without cycles in columns from left to right (after Sugiyama, Tagawa & Toda 1981).

Four steps: a column for each node (the longest way to it), a bend in every column that an arrow passes, an order in
each column with few crossings (barycentres), and heights that keep that order and are near those of the neighbours
(least squares under the order: isotonic regression).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 24
GAP = 14.0


@dataclass(frozen=True)
class Placed:
    """A node, or a bend of an arrow that passes its column.

    Attributes:
        node: the node's number, or None for a bend.
        column: counted from the left.
        y: the height of its middle; the top of the drawing is 0.
    """

    node: int | None
    column: int
    y: float


@dataclass(frozen=True)
class Placement:
    """The positions: items, and segments (from item, to item) between neighbouring columns."""

    items: tuple[Placed, ...]
    segments: tuple[tuple[int, int], ...]


def place(heights: Sequence[float], edges: Sequence[tuple[int, int]], late: Sequence[int] = ()) -> Placement:
    """Place nodes of these heights.

    Args:
        heights: of each node.
        edges: (from, to); no cycles.
        late: nodes that stand as far right as their arrows allow: in the column before the first that they lead to, or
            in the last column if they lead nowhere.
    """
    columns = _columns(len(heights), edges, late)
    of_item: list[tuple[int | None, int]] = [(node, column) for node, column in enumerate(columns)]
    segments: dict[tuple[int, int], None] = {}
    bends: dict[tuple[int, int], int] = {}
    for start, end in edges:
        at = start
        for column in range(columns[start] + 1, columns[end]):
            if (start, column) not in bends:
                bends[start, column] = len(of_item)
                of_item.append((None, column))
            segments[at, bends[start, column]] = None
            at = bends[start, column]
        segments[at, end] = None
    size = [8.0 if node is None else heights[node] for node, _ in of_item]
    order = _ordered([column for _, column in of_item], list(segments))
    y = _heights(order, list(segments), size)
    top = min((y[k] - size[k] / 2 for k in range(len(size))), default=0.0)
    items = tuple(Placed(node, column, y[k] - top) for k, (node, column) in enumerate(of_item))
    return Placement(items, tuple(segments))


def _columns(count: int, edges: Sequence[tuple[int, int]], late: Sequence[int]) -> list[int]:
    column = [0] * count
    for _ in range(count):  # the longest path has fewer arrows than there are nodes
        for start, end in edges:
            column[end] = max(column[end], column[start] + 1)
    last = max(column, default=0)
    for node in late:
        column[node] = min((column[end] - 1 for start, end in edges if start == node), default=last)
    return column


def _ordered(column: list[int], segments: list[tuple[int, int]]) -> list[list[int]]:
    """The items of each column from top to bottom."""
    order: list[list[int]] = [[] for _ in range(max(column, default=0) + 1)]
    for item, at in enumerate(column):
        order[at].append(item)
    before, after = _neighbours(segments)
    best, fewest = [list(items) for items in order], _crossings(order, segments)
    for sweep in range(SWEEPS):
        rightwards = sweep % 2 == 0
        neighbours = before if rightwards else after
        for items in order if rightwards else reversed(order):
            rank = {item: k for other in order for k, item in enumerate(other)}
            middle = {
                item: sum(rank[n] for n in neighbours[item]) / len(neighbours[item])
                if neighbours[item]
                else float(rank[item])
                for item in items
            }
            items.sort(key=lambda item: middle[item])
        if (now := _crossings(order, segments)) < fewest:
            best, fewest = [list(items) for items in order], now
    return best


def _neighbours(segments: list[tuple[int, int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    before, after = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for start, end in segments:
        before[end].append(start)
        after[start].append(end)
    return before, after


def _crossings(order: list[list[int]], segments: list[tuple[int, int]]) -> int:
    rank = {item: (column, k) for column, items in enumerate(order) for k, item in enumerate(items)}
    ends = sorted((rank[a][0], rank[a][1], rank[b][1]) for a, b in segments)
    return sum(p[0] == q[0] and p[1] < q[1] and p[2] > q[2] for k, p in enumerate(ends) for q in ends[k + 1 :])


def _heights(order: list[list[int]], segments: list[tuple[int, int]], size: list[float]) -> list[float]:
    y = [0.0] * len(size)
    for items in order:
        at = 0.0
        for item in items:
            y[item] = at + size[item] / 2
            at += size[item] + GAP
    before, after = _neighbours(segments)
    for sweep in range(SWEEPS):
        rightwards = sweep % 2 == 0
        neighbours = before if rightwards else after
        for items in order if rightwards else reversed(order):
            wanted = [
                sum(y[n] for n in neighbours[item]) / len(neighbours[item]) if neighbours[item] else y[item]
                for item in items
            ]
            for item, at in zip(items, _apart(wanted, [size[item] for item in items]), strict=True):
                y[item] = at
    return y


def _apart(wanted: list[float], size: list[float]) -> list[float]:
    """Return the heights nearest to the given ones (least squares) that keep the order and a gap between neighbours."""
    offset = [0.0]
    for above, below in pairwise(size):
        offset.append(offset[-1] + (above + below) / 2 + GAP)
    blocks: list[tuple[float, int]] = []  # mean and count of heights that were pooled
    for want, off in zip(wanted, offset, strict=True):
        mean, count = want - off, 1
        while blocks and blocks[-1][0] > mean:
            other, n = blocks.pop()
            mean, count = (mean * count + other * n) / (count + n), count + n
        blocks.append((mean, count))
    flat = [mean for mean, count in blocks for _ in range(count)]
    return [base + off for base, off in zip(flat, offset, strict=True)]
