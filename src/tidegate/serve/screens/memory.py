"""Memory: how far back gradients reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.overlay import overlay as overlaid
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.read import span
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

STEPS = 120  # of a triangle
EVERY = 40  # steps that a triangle moves on
DECADES = 6.0  # below the largest gradient, where colours end


def flow(looking: Looking, start: int, text: int = 0) -> dict[str, Any]:
    """Gradients within a stretch of 120 steps: each target against each source, and their mean by distance."""
    reading, run = looking.reading(text), looking.run
    start, stop = span(start, start + STEPS + 1, len(reading))
    if stop - start < 5:
        raise ArgumentError(f"from step {start} on there are {stop - start} steps: a triangle needs 5")
    ids = reading.ids[start:stop]  # not the text: a stretch that begins within a character would be cut otherwise
    found = looking.kept(
        ("flow", text, start), lambda: gradient_flow(run.model, run.tokenizer, ids, targets=range(stop - start - 1))
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


def overlay(looking: Looking) -> list[dict[str, Any]]:
    """Decay curves of RNN, LSTM, GRU and a residual network on the adding problem, untrained and trained a little."""
    curves = looking.kept("overlay", overlaid)
    return [
        {
            "name": it.name,
            "state": it.state,
            "steps": it.steps,
            "loss": rounded(it.loss),
            "baseline": rounded(it.baseline),
            "norms": [float(f"{n:.4g}") for n in it.norms],
        }
        for it in curves
    ]


def recorded(looking: Looking) -> Iterator[Question]:
    """The triangles of the beginning of the first text, and the overlay."""
    steps = len(looking.reading())
    for start in range(0, max(1, min(steps - STEPS, 6 * EVERY)), EVERY):
        yield "flow", {"start": start, "text": 0}
    yield "overlay", {}


MEMORY = Screen("memory", "Memory", {"flow": flow, "overlay": overlay}, recorded=recorded)
