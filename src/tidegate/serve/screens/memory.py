"""Memory: how far back gradients reach."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.read import readers, span
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

STEPS = 120  # of a triangle
EVERY = 40  # steps from one triangle to the next
DECADES = 6.0  # below the largest gradient: the pale end of the scale


def flow(session: TextSession, start: int, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return gradients within a stretch of 120 steps: of each target by each source, and their mean by distance."""
    reading, one = session.reading(text, run), session.run_number(run)
    start, stop = span(start, start + STEPS + 1, len(reading))
    if stop - start < 5:
        raise ArgumentError(f"From step {start} on there are {stop - start} steps, but a triangle needs 5.")
    ids = reading.ids[start:stop]  # not the text: a stretch that begins within a character would be cut otherwise
    found = session.cached(
        ("flow", text, run, start),
        lambda: gradient_flow(one.model, one.tokenizer, ids, targets=range(stop - start - 1)),
    )
    states = []
    for (layer, name), norms in found.norms.items():
        decay, top = found.decay(layer, name), norms.max() or 1.0
        with np.errstate(divide="ignore"):
            heights = (np.log10(norms / top) / DECADES + 1).clip(0, 1)
        states.append(
            {
                "layer": layer,
                "name": name,
                "top": float(top),
                "triangle": packed(heights, 1.0),
                "curve": [float(f"{it:.4g}") for it in found.curve(layer, name)],
                "half_life": rounded(decay.half_life, 2),
                "rate": rounded(decay.rate),
                "r2": rounded(decay.r2, 3),
                "fitted": decay.fitted,
            }
        )
    return {"start": start, "pieces": list(found.labels), "states": states, "decades": DECADES}


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the triangles of the beginning of the first text, as each run reads it."""
    for run in readers(session):
        steps = len(session.reading(0, run))
        for start in range(0, max(1, min(steps - STEPS, 6 * EVERY)), EVERY):
            yield "flow", {"start": start, "text": 0, "run": run}


MEMORY = Screen("memory", "Memory", {"flow": flow}, recorded=recorded)
