"""The times of LSTM and GRU in a plain table, for the documentation to quote."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.gpu.figures import EAGER, GRAPH
from benchmarks.rows import Row

MODES = ("training", "inference")
COLUMNS = ("ours", "in graph", "torch.nn", "in graph")
WIDTHS = (6, 9, 9, 9)
Times = dict[tuple[str, str, bool], float]  # (mode, against, whether ours) -> microseconds a step


def times(rows: Sequence[Row]) -> list[str]:
    """Return a table for each cell, precision and backend, by H and B; "-" where there is no figure."""
    lines: list[str] = []
    names = _line(COLUMNS)
    for (cell, precision, backend), own in groupby(sorted(rows, key=_table), key=_table):
        lines += [
            f"{cell}, {precision}, backend {backend!r}, microseconds a step:",
            "          " + " |".join(f"{mode:>{len(names)}}" for mode in MODES),
            "    H    B" + " |".join(names for _ in MODES),
        ]
        for (size, batch), same in groupby(sorted(own, key=_size), key=_size):
            found = _times(same)
            lines.append(f"{size:5}{batch:5}" + " |".join(_columns(found, mode) for mode in MODES))
    return lines


def _table(row: Row) -> tuple[str, str, str]:
    return row.cell, row.mode.partition(", ")[2], row.note


def _size(row: Row) -> tuple[int, int]:
    batch, _, size = map(int, row.case.split("x"))
    return size, batch


def _times(rows: Iterable[Row]) -> Times:
    found: Times = {}
    for row in rows:
        steps, mode = int(row.case.split("x")[1]), row.mode.partition(", ")[0]
        for is_ours, took in ((True, row.ours_ms), (False, row.theirs_ms)):
            if took is not None:
                found[mode, row.against, is_ours] = 1e3 * took / steps
    return found


def _columns(found: Times, mode: str) -> str:
    taken = [found.get((mode, against, is_ours)) for is_ours in (True, False) for against in (EAGER, GRAPH)]
    return _line(["-" if it is None else f"{it:.1f}" for it in taken])


def _line(texts: Sequence[str]) -> str:
    return "".join(f"{text:>{width}}" for text, width in zip(texts, WIDTHS, strict=True))
