"""Read: the text tinted by surprise, with the likeliest tokens at each step."""

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError, UnknownTokenError
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Question, Screen, packed, rounded, token_string

MAX_STEPS = 4000  # of one answer
BEGINNING = 80  # characters of a text in the list of texts
SURPRISE = 8.0  # nats at the dark end of the scale, at least


def text(session: TextSession, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return the tokens of a text and the surprise of each, in nats."""
    reading = session.reading(text, run)
    # Rare words surprise more than characters do.
    darkest = max(SURPRISE, 1.5 * math.log(session.runs[run].tokenizer.vocabulary_size))
    characters = all(len(it) == 1 for it in reading.pieces)  # then the text itself is the shortest form
    return {
        "text": reading.text,
        "pieces": None if characters else list(reading.pieces),
        "steps": len(reading),
        "surprise": packed((-reading.log_p).clip(0, darkest), darkest),
        "nats": rounded(reading.loss),
        "part": session.part if text == 0 else "",
        "unknown": [[character, count] for character, count in reading.unknown.most_common(20)],
    }


def texts(session: TextSession) -> list[dict[str, Any]]:
    """Return the texts that were read, the first one first, with the beginning of each."""
    return [
        {"number": number, "beginning": text[:BEGINNING].strip(), "characters": len(text)}
        for number, text in session.texts.items()
    ]


def guesses(session: TextSession, start: int, stop: int, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return the likeliest tokens of steps start .. stop-1 with their probabilities, and the surprise in nats."""
    reading, tokenizer = session.reading(text, run), session.runs[run].tokenizer
    start, stop = span(start, stop, len(reading))
    best = zip(reading.guesses[start:stop].tolist(), reading.guessed[start:stop].tolist(), strict=True)
    shown = {token: token_string(tokenizer, token) for token in np.unique(reading.guesses[start:stop]).tolist()}
    expected = [[[shown[token], rounded(p)] for token, p in zip(*row, strict=True)] for row in best]
    return {"start": start, "guesses": expected, "nats": [rounded(-it) for it in reading.log_p[start:stop]]}


def span(start: int, stop: int, steps: int) -> tuple[int, int]:
    """Return a stretch of a text, its end within the text.

    Raises:
        ArgumentError: the stretch is empty, begins outside the text, or is longer than 4,000 steps.
    """
    if not 0 <= start < min(stop, steps) or stop - start > MAX_STEPS:
        raise ArgumentError(
            f"start={start}, stop={stop}: give a stretch of 1 to {MAX_STEPS} steps within 0 to {steps}."
        )
    return start, min(stop, steps)


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the first text and the likeliest tokens of all of its steps, as each run reads it."""
    for run in range(len(session.runs)):
        yield "text", {"text": 0, "run": run}
    for run in readers(session):
        steps = len(session.reading(0, run))
        for start in range(0, steps, BLOCK):
            yield "guesses", {"text": 0, "run": run, "start": start, "stop": min(start + BLOCK, steps)}


def readers(session: TextSession) -> Iterator[int]:
    """Yield the numbers of the runs that can read the first text."""
    for run in range(len(session.runs)):
        with suppress(UnknownTokenError):  # of which the recorded answer to "text" tells
            session.reading(0, run)
            yield run


BLOCK = 500  # steps whose guesses the page asks for at once

READ = Screen("read", "Read", {"text": text, "texts": texts, "guesses": guesses}, recorded=recorded)
