"""Why: which tokens before a prediction mattered for it, by three measures."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.predictions.attribution import Attribution, Erasure, what_mattered
from tidegate.lens.predictions.attribution_paths import Baseline
from tidegate.lens.predictions.gradient_input import gradient_inputs
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.enclosed import enclosed_tokens
from tidegate.serve.screens.read import readers
from tidegate.serve.screens.screen import Question, Screen, packed, rounded, token_string

BLOCK = 32  # predictions whose quickest measure is computed at once
RECORDED = 1_024  # of them that a report stores
WINDOW = 200  # tokens before a prediction
MIN_PROBABILITY = 0.3  # of a suggested prediction
MAX_LISTED = 8
MAX_CLOSING = 5  # of them, those that close something
MAX_SAME_MARK = 3  # of those, by the same mark
MIN_DISTANCE = 5  # tokens between two suggested predictions
MEASURES = ("gradient_input", "integrated", "erased")


def why(
    session: TextSession,
    at: int,
    target: str = "",
    baseline: Baseline = "zero",
    erasure: Erasure = "delete",
    text: int = 0,
) -> dict[str, Any]:
    """Return what mattered for log p of the token at a position, or of another target there, in nats."""
    run, given = session.run, session.text(text)
    ask = partial(what_mattered, run.model, run.tokenizer, given, at, window=WINDOW)
    made: Attribution = session.cached(
        ("why", text, at, target, baseline, erasure),
        lambda: ask(target=target or None, baseline=baseline, erasure=erasure),
    )
    correlations = made.rank_correlations()
    return {
        "at": made.at,
        "start": made.start,
        "target": token_string(run.tokenizer, made.target),
        "stands": made.target == int(session.reading(text).ids[at]),
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


def at_once(session: TextSession, start: int, stop: int, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return gradient × input of the predictions of tokens start .. stop-1: a row each, the oldest token first.

    Each row is divided by its largest magnitude, which is in ``scales``, in nats. Nothing is cached: the page keeps it.
    """
    one, ids = session.run_number(run), session.reading(text, run).ids
    if not 0 <= start < stop <= len(ids) or stop - start > BLOCK:
        raise ArgumentError(f"start={start}, stop={stop}: give a stretch of 1 to {BLOCK} of the {len(ids)} tokens.")
    made: NDArray[np.float64] = session.computations.result(
        ("at_once", text, run, start, stop),
        lambda: gradient_inputs(one.model, one.tokenizer, ids, start, stop, window=WINDOW),
    )
    scales = np.abs(made).max(1)
    rows = made / np.where(scales > 0, scales, 1)[:, None]
    return {"scales": [float(f"{it:.4g}") for it in scales], **packed(rows, 1.0)}


def predictions(session: TextSession, text: int = 0) -> list[dict[str, Any]]:
    """Return predictions of a text to begin with: closing brackets and quotes, then rare tokens that were foreseen.

    All have a probability of 0.3 or more. At most five close something, those opened longest ago first, and at most
    three by the same mark; the rest are ordered by how many times likelier the token was here than its share of the
    text, one of each token.
    """
    reading = session.reading(text)
    p = np.exp(reading.log_p.astype(np.float64))
    _, which, counts = np.unique(reading.ids, return_inverse=True, return_counts=True)
    times = p * len(p) / counts[which]
    chosen: dict[int, int | None] = {}  # distance to the opening mark

    def add(at: int, back: int | None, most: int) -> bool:
        fits = (
            at > 0
            and p[at] >= MIN_PROBABILITY
            and len(chosen) < most
            and all(abs(at - it) >= MIN_DISTANCE for it in chosen)
        )
        if fits:
            chosen[at] = back
        return fits

    marks: Counter[str] = Counter()
    for it in sorted(enclosed_tokens(reading), key=lambda it: it.start - it.stop):
        back = it.stop - it.start
        if 0 < back <= WINDOW and marks[it.mark] < MAX_SAME_MARK:
            marks[it.mark] += add(it.stop, back, MAX_CLOSING)
    seen: set[int] = set()
    for at in map(int, np.argsort(-times, kind="stable")):
        if which[at] not in seen and add(at, None, MAX_LISTED):
            seen.add(int(which[at]))
    return [
        {"at": at, "p": rounded(p[at]), "times": rounded(times[at], 1), "back": back} for at, back in chosen.items()
    ]


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the suggested predictions, with the page's first settings, and the quickest measure of the beginning."""
    yield "predictions", {"text": 0}
    for it in predictions(session):
        yield "why", {"at": it["at"], "text": 0}
    for run in readers(session):
        steps = len(session.reading(0, run))
        for start in range(0, min(steps, RECORDED), BLOCK):
            yield "at_once", {"start": start, "stop": min(start + BLOCK, steps), "text": 0, "run": run}


WHY = Screen("why", "Why", {"why": why, "at_once": at_once, "predictions": predictions}, recorded=recorded)
