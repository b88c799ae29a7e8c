"""Match: the hidden units that are on over a stretch and off around it, and where else they are on together."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.pattern_search import matches, select
from tidegate.lens.predictions.compare import character_of
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.enclosed import enclosed_tokens
from tidegate.serve.screens.screen import Question, Screen, rounded

MAX_MATCHES = 40
MAX_LENGTH = 80  # tokens of a suggested stretch
WORD = re.compile(r"\w+")


def matched(
    session: TextSession,
    start: int,
    stop: int,
    name: str,
    layer: int = 0,
    threshold: float = 0.3,
    before: int = 1,
    after: int = 1,
    text: int = 0,
) -> dict[str, Any]:
    """Return the units that are on over a stretch with their means, strongest first, and where else they are on."""
    if not np.isfinite(threshold):
        raise ArgumentError(f"The threshold is {threshold}: give a finite number.")
    trace = session.reading(text).trace
    where: dict[str, Any] = {"layer": layer, "name": name, "threshold": threshold}
    units = select(trace, start, stop, before=before, after=after, **where)
    if not len(units):
        return {"units": [], "matches": []}
    means = trace.sel(layer=layer, direction=0, name=name, time=slice(start, stop)).values[:, units].mean(0, np.float64)
    found = matches(trace, units, selected=(start, stop), limit=MAX_MATCHES, **where)
    return {
        "units": [[int(units[n]), rounded(means[n], 3)] for n in np.argsort(-means, kind="stable")],
        "matches": [[int(it) for it in one] for one in found],
    }


def stretches(session: TextSession, text: int = 0) -> list[dict[str, Any]]:
    """Return stretches to begin with: a quote, brackets and a word, each the longest over which some unit is on.

    On in the sense of `select`, in the last state of layer 0; if none is, the longest. Stretches of quotes and brackets
    begin with the opening mark and end before the closing one: the steps after which the network has to know that it is
    inside.
    """
    reading, state = session.reading(text), session.run.model.cell.states[-1]
    inside = [(it.mark, it.start, it.stop) for it in enclosed_tokens(reading) if 1 < it.stop - it.start <= MAX_LENGTH]
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


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the suggested stretches, for each layer and state."""
    yield "stretches", {"text": 0}
    run = session.run
    for it in stretches(session):
        for layer in range(run.config.model.num_layers):
            for name in run.model.cell.states:
                yield "matched", {"start": it["start"], "stop": it["stop"], "name": name, "layer": layer, "text": 0}


MATCH = Screen("match", "Match", {"matched": matched, "stretches": stretches}, recorded=recorded)
