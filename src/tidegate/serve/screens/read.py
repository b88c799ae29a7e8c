"""Read: the text tinted by surprise, with what was expected instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

MOST = 4000  # steps of one answer
SURPRISE = 8.0  # nats that are as dark as it gets


def text(looking: Looking, text: int = 0, run: int = 0) -> dict[str, Any]:
    """The units of a text and how surprising each was, in nats."""
    reading = looking.reading(text, run)
    alone = all(len(it) == 1 for it in reading.pieces)  # a character each: the text itself says it shortest
    return {
        "text": reading.text,
        "pieces": None if alone else list(reading.pieces),
        "steps": len(reading),
        "surprise": packed((-reading.log_p).clip(0, SURPRISE), SURPRISE),
        "nats": rounded(reading.nats),
        "unknown": [[character, count] for character, count in reading.unknown.most_common(20)],
    }


def guesses(looking: Looking, start: int, stop: int, text: int = 0, run: int = 0) -> dict[str, Any]:
    """For steps start .. stop-1: what was expected, likeliest first, each with its probability; the truth's nats."""
    reading, tokenizer = looking.reading(text, run), looking.runs[run].tokenizer
    start, stop = span(start, stop, len(reading))
    best = zip(reading.guesses[start:stop].tolist(), reading.guessed[start:stop].tolist(), strict=True)
    expected = [[[tokenizer.token_text(unit), rounded(p)] for unit, p in zip(*row, strict=True)] for row in best]
    return {"start": start, "guesses": expected, "nats": [rounded(-it) for it in reading.log_p[start:stop]]}


def span(start: int, stop: int, steps: int) -> tuple[int, int]:
    """A stretch of a text that can be answered for.

    Raises:
        ArgumentError: it is empty or backwards, begins outside the text, or is longer than 4,000 steps.
    """
    if not 0 <= start < min(stop, steps) or stop - start > MOST:
        raise ArgumentError(
            f"steps {start} to {stop} were asked for: give a stretch of 1 to {MOST} steps within 0 to {steps}"
        )
    return start, min(stop, steps)


def recorded(looking: Looking) -> Iterator[Question]:
    """The first text and all that was expected of it."""
    for run in range(len(looking.runs)):
        yield "text", {"text": 0, "run": run}
    steps = len(looking.reading())
    for start in range(0, steps, BLOCK):
        yield "guesses", {"text": 0, "run": 0, "start": start, "stop": min(start + BLOCK, steps)}


BLOCK = 500  # steps that the page asks guesses for at once

READ = Screen("read", "Read", {"text": text, "guesses": guesses}, recorded=recorded)
