"""Select and match, after LSTMVis: the hidden units that are on over a stretch, and where else they are on together."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Trace
from tidegate.nn.record.labelled_array import check_place

ROOM = 1 << 24  # values of a trace in memory at once


class Match(NamedTuple):
    """A stretch of steps in which selected hidden units are on.

    Attributes:
        start: its first step.
        stop: the step after its last.
        shared: number of the selected units that are on at all of its steps.
    """

    start: int
    stop: int
    shared: int


def select(
    trace: Trace,
    start: int,
    stop: int,
    *,
    layer: int = 0,
    direction: int = 0,
    name: str = "c",
    threshold: float = 0.3,
    before: int = 1,
    after: int = 1,
) -> NDArray[np.int64]:
    """Return the hidden units that are on over a stretch, and off just before and after it (Strobelt et al. 2018).

    A unit is on where its value is at least the threshold. LSTMVis shows tanh c of an LSTM's c: its threshold θ is
    arctanh θ here, where values are as the trace has them.

    Args:
        trace: the trace.
        start: the first step of the stretch.
        stop: the step after its last.
        layer: the layer.
        direction: 0 forward, 1 reverse.
        name: the gate or state.
        threshold: value from which on a unit is on.
        before: number of steps before the stretch at which a unit must be off; fewer at the beginning of the trace.
        after: number of steps after it, likewise.

    Returns:
        The hidden units, in ascending order.

    Raises:
        ArgumentError: there is no such stretch, layer, direction or name.
    """
    values = _values(trace, layer, direction, name)
    if not 0 <= start < stop <= len(values):
        raise ArgumentError(f"start={start}, stop={stop}: give a stretch of at least one of the {len(values)} steps.")
    if before < 0 or after < 0:
        raise ArgumentError(f"before={before}, after={after}: give numbers of steps, 0 or more.")
    first = max(0, start - before)
    on = np.asarray(values[first : stop + after]) >= np.float64(threshold)  # not rounded to the trace's precision
    inside = on[start - first : stop - first].all(0)
    outside = on[: start - first].any(0) | on[stop - first :].any(0)
    return np.flatnonzero(inside & ~outside)


def matches(
    trace: Trace,
    hidden_units: ArrayLike,
    *,
    selected: tuple[int, int] | None = None,
    length: int | None = None,
    shortest: int = 2,
    layer: int = 0,
    direction: int = 0,
    name: str = "c",
    threshold: float = 0.3,
    limit: int = 50,
) -> list[Match]:
    """Return where else most of some hidden units are on together.

    For k = K, K - 1, ..., 1 of the K units, every longest stretch in which at least k are on at each step is a
    candidate, unless it is too short. Candidates are ranked by how many of the units are on at *all* of their steps,
    then by how near their length is to the selection's, then by place; one that overlaps a better one or the selection
    is left out. LSTMVis too ranks by the number of units shared; its second key is how few others are on, its third
    the length.

    Args:
        trace: the trace; a memory-mapped one is read in parts.
        hidden_units: as `select` returns them.
        selected: (start, stop) of the selection, which is not returned as a match of itself.
        length: preferred length of a match. Default: the selection's; without a selection, longer is better.
        shortest: minimal number of steps of a match: single steps share many units by chance.
        layer: as in `select`; likewise below.
        direction: 0 forward, 1 reverse.
        name: the gate or state.
        threshold: value from which on a unit is on.
        limit: maximal number of matches.

    Returns:
        Matches, the best first.

    Raises:
        ArgumentError: there is no such hidden unit, layer, direction or name, or ``hidden_units`` is empty.
    """
    values = _values(trace, layer, direction, name)
    chosen = np.unique(np.asarray(hidden_units, np.int64))
    if not len(chosen):
        raise ArgumentError("hidden_units is empty: select a stretch over which some are on, or lower the threshold.")
    for end in (chosen[0], chosen[-1]):
        check_place("unit", int(end), values.shape[1])
    if limit < 1 or shortest < 1:
        raise ArgumentError(f"limit={limit}, shortest={shortest}: each must be at least 1.")
    if length is None and selected is not None:
        length = selected[1] - selected[0]
    on = _on(values, chosen, threshold)
    taken = np.zeros(len(on), bool)
    if selected is not None:
        taken[slice(*selected)] = True
    waiting: list[Match] = []
    for level, found in _candidates(on):
        waiting += [it for it in found if it.stop - it.start >= shortest]
        # Later candidates share fewer than `level` units: those that share at least as many can be ranked now.
        best = _ranked([it for it in waiting if it.shared >= level], length, taken, limit)
        if len(best) == limit:
            return best
    return _ranked(waiting, length, taken, limit)


def _candidates(on: NDArray[np.bool_]) -> Iterator[tuple[int, list[Match]]]:
    """Yield for each number of units, from all to one, the stretches that were not candidates at a larger number."""
    together = on.sum(1)
    for level in range(on.shape[1], 0, -1):
        starts, stops = _runs(together >= level)
        ends = np.stack([starts, stops], 1).ravel()
        lowest = np.minimum.reduceat(np.append(together, 0), ends)[::2] if len(ends) else starts
        new = np.flatnonzero(lowest == level)
        places = zip(starts[new].tolist(), stops[new].tolist(), strict=True)
        yield level, [Match(a, b, int(on[a:b].all(0).sum())) for a, b in places]


def _runs(on: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    turns = np.diff(on.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(turns == 1), np.flatnonzero(turns == -1)


def _ranked(found: Sequence[Match], length: int | None, taken: NDArray[np.bool_], limit: int) -> list[Match]:
    def rank(it: Match) -> tuple[int, int, int]:
        size = it.stop - it.start
        return -it.shared, -size if length is None else abs(size - length), it.start

    taken, best = taken.copy(), []
    for it in sorted(found, key=rank):
        if it.shared and not taken[it.start : it.stop].any():
            taken[it.start : it.stop] = True
            best.append(it)
            if len(best) == limit:
                break
    return best


def _on(values: NDArray[Any], hidden_units: NDArray[np.int64], threshold: float) -> NDArray[np.bool_]:
    on = np.empty((len(values), len(hidden_units)), bool)
    step = max(1, ROOM // values.shape[1])
    for start in range(0, len(values), step):
        on[start : start + step] = values[start : start + step][:, hidden_units] >= np.float64(threshold)
    return on


def _values(trace: Trace, layer: int, direction: int, name: str) -> NDArray[Any]:
    return trace.sel(layer=layer, direction=direction, name=name).values
