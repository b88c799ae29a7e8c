"""Why: which of the units before a prediction mattered for it, by three measures that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tidegate.lens.predictions.attribution import Attribution, Erasure, what_mattered
from tidegate.lens.predictions.attribution_paths import Baseline
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.enclosed import enclosed_units
from tidegate.serve.screens.screen import Question, Screen, rounded

WINDOW = 200  # units before a prediction
FORESEEN = 0.3  # from which probability on a prediction can be said to have a reason
LISTED = 8
CLOSING = 5  # of them, those that close something
ALIKE = 3  # of those, by the same mark
APART = 5  # units between two that are listed
MEASURES = ("gradient_input", "integrated", "erased")


def why(
    looking: Looking,
    at: int,
    target: str = "",
    baseline: Baseline = "zero",
    erasure: Erasure = "delete",
    text: int = 0,
) -> dict[str, Any]:
    """What mattered for log p of the unit at a place, or of another target there, by each measure, in nats."""
    run, given = looking.run, looking.text(text)
    ask = partial(what_mattered, run.model, run.tokenizer, given, at, window=WINDOW)
    made: Attribution = looking.kept(
        ("why", text, at, target, baseline, erasure),
        lambda: ask(target=target or None, baseline=baseline, erasure=erasure),
    )
    correlations = made.rank_correlations()
    return {
        "at": made.at,
        "start": made.start,
        "target": run.tokenizer.decode(np.array([made.target])) or run.tokenizer.token_text(made.target),
        "stands": made.target == int(looking.reading(text).ids[at]),
        "p": rounded(np.exp(made.log_p)),
        "log_p": rounded(made.log_p),
        "baseline_log_p": rounded(made.baseline_log_p),
        "measures": {name: [rounded(it) for it in getattr(made, name)] for name in MEASURES},
        "correlations": [
            [a, b, rounded(value, 3)] for (a, b), value in correlations.items() if a in MEASURES and b in MEASURES
        ],
        "completeness": rounded(made.completeness, 6),
        "residual": rounded(made.residual, 6),
        "complete": made.complete,
        "steps": made.steps,
    }


def predictions(looking: Looking, text: int = 0) -> list[dict[str, Any]]:
    """Predictions of a text to begin with: what closes brackets and quotes, then what is rare but was foreseen.

    Of those that the model gave 0.3 or more. At most six that close something, what was opened longest ago first, and
    at most three by the same mark; the rest by how many times likelier the unit was here than its share of the text,
    and of each unit one.
    """
    reading = looking.reading(text)
    p = np.exp(reading.log_p.astype(np.float64))
    _, which, counts = np.unique(reading.ids, return_inverse=True, return_counts=True)
    times = p * len(p) / counts[which]
    chosen: dict[int, int | None] = {}  # how long ago what it closes was opened

    def add(at: int, back: int | None, most: int) -> bool:
        fits = at > 0 and p[at] >= FORESEEN and len(chosen) < most and all(abs(at - it) >= APART for it in chosen)
        if fits:
            chosen[at] = back
        return fits

    marks: Counter[str] = Counter()
    for it in sorted(enclosed_units(reading), key=lambda it: it.start - it.stop):
        back = it.stop - it.start
        if 0 < back <= WINDOW and marks[it.mark] < ALIKE:
            marks[it.mark] += add(it.stop, back, CLOSING)
    seen: set[int] = set()
    for at in map(int, np.argsort(-times, kind="stable")):
        if which[at] not in seen and add(at, None, LISTED):
            seen.add(int(which[at]))
    return [
        {"at": at, "p": rounded(p[at]), "times": rounded(times[at], 1), "back": back} for at, back in chosen.items()
    ]


def recorded(looking: Looking) -> Iterator[Question]:
    """The predictions that are listed, with the choices that the page begins with."""
    yield "predictions", {"text": 0}
    for it in predictions(looking):
        yield "why", {"at": it["at"], "text": 0}


WHY = Screen("why", "Why", {"why": why, "predictions": predictions}, recorded=recorded)
