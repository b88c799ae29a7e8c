"""Match: the units that are on over a stretch of text and off around it, and where else they are on together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.compare import character_of
from tidegate.lens.match import matches, select
from tidegate.serve.looking import Looking
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
    where = {"layer": layer, "name": name, "threshold": threshold}
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
    """Stretches of a text to begin with: the longest quote, the longest in brackets, and the longest word.

    What is enclosed begins with the opening mark and ends before the closing one: the steps after which the network
    has to know that it is inside.
    """
    reading = looking.reading(text)
    inside = [it for it in enclosed_units(reading) if 1 < it.stop - it.start <= LONGEST]
    found = []
    for what, marks in (("a quote", "\"'"), ("brackets", ")]}")):
        stretch = max((it for it in inside if it.mark in marks), key=lambda it: it.stop - it.start, default=None)
        if stretch:
            found.append({"what": what, "start": stretch.start, "stop": stretch.stop})
    word = max(WORD.finditer(reading.text), key=lambda it: it.end() - it.start(), default=None)
    if word:
        start, stop = (int(it) for it in np.searchsorted(character_of(reading), word.span()))
        found.append({"what": "the longest word", "start": start, "stop": max(stop, start + 1)})
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
