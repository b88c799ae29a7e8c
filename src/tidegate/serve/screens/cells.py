"""Cells: each unit's values along the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.serve.looking import Looking
from tidegate.serve.screens.read import span
from tidegate.serve.screens.screen import Question, Screen, packed

CHART = 120  # steps of all units at once that a report shows


def strip(
    looking: Looking, unit: int, name: str, layer: int = 0, direction: int = 0, text: int = 0, run: int = 0
) -> dict[str, Any]:
    """One unit of a gate or state over a whole text."""
    return packed(looking.reading(text, run).trace.sel(layer=layer, direction=direction, name=name, unit=unit).values)


def window(
    looking: Looking,
    name: str,
    start: int,
    stop: int,
    layer: int = 0,
    direction: int = 0,
    text: int = 0,
    run: int = 0,
) -> dict[str, Any]:
    """All units of a gate or state over a stretch of a text: (steps, H)."""
    reading = looking.reading(text, run)
    start, stop = span(start, stop, len(reading))
    kept = reading.trace.sel(layer=layer, direction=direction, name=name, time=slice(start, stop))
    if kept.shape[0] * kept.shape[1] > 4 << 20:
        raise ArgumentError(f"{kept.shape[0]} steps of {kept.shape[1]} units are too many at once: give fewer steps")
    return {"start": start, **packed(kept.values)}


def recorded(looking: Looking) -> Iterator[Question]:
    """All units over the first text, of the states; all gates over its beginning."""
    trace = looking.reading().trace
    for layer in range(trace.layers):
        for name in trace.names:
            at = {"layer": layer, "direction": 0, "name": name, "text": 0, "run": 0}
            yield "window", at | {"start": 0, "stop": min(CHART, len(trace))}
            for unit in range(trace[layer, 0][name].shape[1]):
                yield "strip", at | {"unit": unit}


CELLS = Screen("cells", "Cells", {"strip": strip, "window": window}, recorded=recorded)
