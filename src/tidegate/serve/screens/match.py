"""Match: the units that are on over a stretch of text and off around it, and where else they are on together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.pattern_search import matches, select
from tidegate.lens.predictions.compare import character_of
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.enclosed import enclosed_units
from tidegate.serve.screens.screen import Question, Screen, rounded

MOST = 40  # matches
LONGEST = 80  # units of a stretch that is offered
WORD = re.compile(r"\w+")


def matched(
    looking: Looking,
    start: int,
    stop: int,
    name: str,
    layer: int = 0,
    threshold: float = 0.3,
    before: int = 1,
    after: int = 1,
    text: int = 0,
) -> dict[str, Any]:
    """The units that are on over a stretch, each with its mean there, strongest first; and where else they are on."""
    if not np.isfinite(threshold):
        raise ArgumentError(f"threshold={threshold}: give a number")
    trace = looking.reading(text).trace
    where: dict[str, Any] = {"layer": layer, "name": name, "threshold": threshold}
    units = select(trace, start, stop, before=before, after=after, **where)
    if not len(units):
        return {"units": [], "matches": []}
    means = trace.sel(layer=layer, direction=0, name=name, time=slice(start, stop)).values[:, units].mean(0, np.float64)
    found = matches(trace, units, selected=(start, stop), limit=MOST, **where)
    return {
        "units": [[int(units[n]), rounded(means[n], 3)] for n in np.argsort(-means, kind="stable")],
        "matches": [[int(it) for it in one] for one in found],
    }


def stretches(looking: Looking, text: int = 0) -> list[dict[str, Any]]:
    """Stretches of a text to begin with: a quote, brackets and a word, each the longest over which some unit is on.

    On in the sense of `select`, in the last state of layer 0; if that is never so, the longest. What is enclosed begins
    with the opening mark and ends before the closing one: the steps after which the network has to know that it is
    inside.
    """
    reading, state = looking.reading(text), looking.run.model.cell.states[-1]
    inside = [(it.mark, it.start, it.stop) for it in enclosed_units(reading) if 1 < it.stop - it.start <= LONGEST]
    place = character_of(reading)
    words = [("", *(int(n) for n in np.searchsorted(place, it.span()))) for it in WORD.finditer(reading.text)]
    found = []
    for what, marks, some in (("quote", "\"'", inside), ("brackets", ")]}", inside), ("word", ("",), words)):
        candidates = [(start, stop) for mark, start, stop in some if mark in marks and stop > start]
        candidates.sort(key=lambda it: it[0] - it[1])
        on = (it for it in candidates if len(select(reading.trace, *it, name=state)))
        first = next(on, candidates[0] if candidates else None)
        if first:
            found.append({"what": what, "start": first[0], "stop": first[1]})
    return found


def recorded(looking: Looking) -> Iterator[Question]:
    """The stretches to begin with, for each layer and state."""
    yield "stretches", {"text": 0}
    run = looking.run
    for it in stretches(looking):
        for layer in range(run.config.model.num_layers):
            for name in run.model.cell.states:
                yield "matched", {"start": it["start"], "stop": it["stop"], "name": name, "layer": layer, "text": 0}


MATCH = Screen("match", "Match", {"matched": matched, "stretches": stretches}, recorded=recorded)
