"""Match: the hidden units that are on over a stretch and off around it, and where else they are on together."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import Detector, per_token
from tidegate.lens.hidden_units.pattern_search import Match, matches, select
from tidegate.lens.hidden_units.word_detectors import detectors_of
from tidegate.lens.predictions.compare import character_of
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.cells import pattern_detector, window
from tidegate.serve.screens.enclosed import enclosed_tokens
from tidegate.serve.screens.screen import Question, Screen, rounded

MAX_MATCHES = 40
MAX_LENGTH = 80  # tokens of a suggested stretch
MAX_CURVES = 200  # tokens of a stretch whose values are shown
AROUND = 6  # steps shown before and after it
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
    units, found = _search(session, start, stop, name, layer, threshold, before, after, text)
    inside = session.reading(text).trace.sel(layer=layer, direction=0, name=name, time=slice(start, stop)).values
    means = inside[:, units].mean(0, np.float64)
    return {
        "units": [[int(units[n]), rounded(means[n], 3)] for n in np.argsort(-means, kind="stable")],
        "matches": [[int(it) for it in one] for one in found],
    }


def _search(
    session: TextSession,
    start: int,
    stop: int,
    name: str,
    layer: int,
    threshold: float,
    before: int,
    after: int,
    text: int,
) -> tuple[NDArray[np.int64], list[Match]]:
    if not np.isfinite(threshold):
        raise ArgumentError(f"The threshold is {threshold}: give a finite number.")
    trace = session.reading(text).trace
    where: dict[str, Any] = {"layer": layer, "name": name, "threshold": threshold}
    units = select(trace, start, stop, before=before, after=after, **where)
    if not len(units):
        return units, []
    return units, matches(trace, units, selected=(start, stop), limit=MAX_MATCHES, **where)


def curves(session: TextSession, start: int, stop: int, name: str, layer: int = 0, text: int = 0) -> dict[str, Any]:
    """Return all hidden units of a gate or state over a stretch and some steps around it: (steps, H)."""
    steps = len(session.reading(text))
    if not 0 <= start < stop <= steps or stop - start > MAX_CURVES:
        raise ArgumentError(
            f"start={start}, stop={stop}: give a stretch of 1 to {MAX_CURVES} steps within 0 to {steps}."
        )
    return window(session, name, max(0, start - AROUND), min(stop + AROUND, steps), layer=layer, text=text)


def in_common(
    session: TextSession,
    start: int,
    stop: int,
    name: str,
    layer: int = 0,
    threshold: float = 0.3,
    before: int = 1,
    after: int = 1,
    text: int = 0,
    pattern: str = "",
) -> dict[str, Any]:
    """Return how often each property holds in a stretch, in its matches and in the whole text, as shares of the steps.

    Properties are the yes/no detectors, and whether a character is inside a match of the pattern, if one is given. They
    are ordered by how far the share in the matches is from that in the text.
    """
    _, found = _search(session, start, stop, name, layer, threshold, before, after, text)
    inside = np.zeros(len(session.reading(text)), bool)
    for it in found:
        inside[it.start : it.stop] = True
    detectors = [it for it in detectors_of(session.run.tokenizer).values() if it.kind == "yes/no"]
    if pattern:
        detectors.append(pattern_detector(pattern))
    rows = []
    for n, detector in enumerate(detectors):
        own = bool(pattern) and n == len(detectors) - 1
        values = _values(session, detector, text, own=own)
        shares = [_share(values[start:stop]), _share(values[inside]), _share(values)]
        rows.append([f"/{pattern}/" if own else detector.name, *map(rounded, shares)])
    rows.sort(key=lambda it: 0.0 if None in it else -abs(it[2] - it[3]))
    return {"matches": len(found), "steps": int(inside.sum()), "rows": rows}


def _values(session: TextSession, detector: Detector, text: int, *, own: bool) -> NDArray[np.float64]:
    key = ("property", text, own, detector.name)
    return session.cached(key, lambda: per_token(detector, session.reading(text).pieces))


def _share(values: NDArray[np.float64]) -> float:
    """Return the share of the known values that are yes; nan if there are none."""
    known = values[np.isfinite(values)]
    return float((known > 0.5).mean()) if len(known) else float("nan")


def stretches(session: TextSession, text: int = 0) -> list[dict[str, Any]]:
    """Return stretches to begin with: a quote, brackets and a word, each the longest over which some unit is on.

    On in the sense of `select`, in the last state of layer 0; if none is, the longest, after the others. Stretches of
    quotes and brackets begin with the opening mark and end before the closing one: the steps after which the network
    has to know that it is inside.
    """
    reading, state = session.reading(text), session.run.model.cell.states[-1]
    inside = [(it.mark, it.start, it.stop) for it in enclosed_tokens(reading) if 1 < it.stop - it.start <= MAX_LENGTH]
    place = character_of(reading)
    words = [("", *(int(n) for n in np.searchsorted(place, it.span()))) for it in WORD.finditer(reading.text)]
    found = []
    for what, marks, some in (("quote", "\"'", inside), ("brackets", ")]}", inside), ("word", ("",), words)):
        candidates = [(start, stop) for mark, start, stop in some if mark in marks and stop > start]
        candidates.sort(key=lambda it: it[0] - it[1])
        on = next((it for it in candidates if len(select(reading.trace, *it, name=state))), None)
        if candidates:
            start, stop = on or candidates[0]
            found.append((on is None, {"what": what, "start": start, "stop": stop}))
    return [it for _, it in sorted(found, key=lambda it: it[0])]


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the suggested stretches, for each layer and state."""
    yield "stretches", {"text": 0}
    run = session.run
    for it in stretches(session):
        for layer in range(run.config.model.num_layers):
            for name in run.model.cell.states:
                asked = {"start": it["start"], "stop": it["stop"], "name": name, "layer": layer, "text": 0}
                for view in ("matched", "curves", "in_common"):
                    yield view, asked


VIEWS = {"matched": matched, "curves": curves, "in_common": in_common, "stretches": stretches}
MATCH = Screen("match", "Match", VIEWS, recorded=recorded)
