"""Cells: each unit's values along the text, and the units that were found to carry something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import DETECTORS, by_unit, function
from tidegate.lens.hidden_units.finder import Finding, Findings, find_cells
from tidegate.lens.session.text_session import Looking, held_out
from tidegate.serve.safe_regex import sought
from tidegate.serve.screens.read import span
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

CHART = 120  # steps of all units at once that a report shows
SEARCHED = 40_000  # units of text in which the finder looks


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


def found(looking: Looking, pattern: str = "") -> dict[str, Any]:
    """The unit that goes best with each detector on text that was not trained on, beside both controls.

    With a pattern: the unit that goes best with being inside a match of that regular expression.
    """
    made = findings(looking, pattern)
    return {"found": [told(it) for it in made.ordered], "absent": list(made.absent), "searched": SEARCHED}


def findings(looking: Looking, pattern: str = "") -> Findings:
    """What the finder finds on held-out text, computed once."""
    run = looking.run
    chosen = [function(pattern, lambda text: sought(pattern, text))] if pattern else None
    return looking.kept(
        ("found", pattern), lambda: find_cells(run.model, run.tokenizer, held_out(run, SEARCHED), detectors=chosen)
    )


def told(finding: Finding) -> dict[str, Any]:
    """A finding for JSON: all its numbers, and its sentence."""
    numbers = asdict(finding)
    return {name: rounded(it) if isinstance(it, float) else it for name, it in numbers.items()} | {"said": str(finding)}


def holds(looking: Looking, detector: str, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Where a built-in detector holds, or how much it counts, along a text; null where it does not count."""
    if detector not in DETECTORS:
        raise ArgumentError(f"there is no detector {detector!r}, but {', '.join(DETECTORS)}")
    values = by_unit(DETECTORS[detector], looking.reading(text, run).pieces)
    return {"kind": DETECTORS[detector].kind, "values": [rounded(it) for it in values]}


def recorded(looking: Looking) -> Iterator[Question]:
    """What was found; all units over the first text; all gates over its beginning."""
    yield "found", {}
    for detector in DETECTORS:
        yield "holds", {"detector": detector, "text": 0, "run": 0}
    trace = looking.reading().trace
    for layer in range(trace.layers):
        for name in trace.names:
            at = {"layer": layer, "direction": 0, "name": name, "text": 0, "run": 0}
            yield "window", at | {"start": 0, "stop": min(CHART, len(trace))}
            for unit in range(trace[layer, 0][name].shape[1]):
                yield "strip", at | {"unit": unit}


CELLS = Screen("cells", "Cells", {"strip": strip, "window": window, "found": found, "holds": holds}, recorded=recorded)
