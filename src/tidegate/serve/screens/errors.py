"""Errors & compare: which oracle would have avoided each error, and where several models differ."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.predictions.compare import compare, known_letters
from tidegate.lens.predictions.mistakes import NONE, Mistakes
from tidegate.lens.predictions.mistakes import mistakes as analyse
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Question, Screen, packed, rounded, token_string

DIFFERENCE = 3.0  # nats at the dark end of the scale


def mistakes(session: TextSession, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return every error of a run by the first oracle that would have avoided it, and how many each removes.

    An error is [step, class, n of the n-gram or 0, p of the actual token, the likeliest token].
    """
    reading, one = session.reading(text, run), session.runs[run]
    found = session.cached(
        ("mistakes", text, run), lambda: _or_why_not(lambda: analyse(reading, one.tokenizer, one.open_data().train))
    )
    if not isinstance(found, Mistakes):
        return {"refused": found}
    places = np.flatnonzero(found.which != NONE)
    columns = (places, found.which[places], found.order[places], reading.log_p[places], reading.guesses[places, 0])
    rows = zip(*(it.tolist() for it in columns), strict=True)
    counts, remaining, nats = found.removed, found.remaining, found.nats
    return {
        "steps": len(reading),
        "errors": [
            [n, kind, order, rounded(np.exp(p)), token_string(one.tokenizer, best)] for n, kind, order, p, best in rows
        ],
        "classes": [
            {
                "name": it,
                "meaning": meaning,
                "family": it.split()[0],
                "removed": counts[it],
                "remaining": rounded(remaining[it], 6),
                "loss": rounded(nats[it] / reading.loss, 6),
            }
            for it, meaning in zip(found.classes, found.meanings, strict=True)
        ],
        "note": found.note,
    }


def compared(session: TextSession, text: int = 0) -> dict[str, Any]:
    """Return all runs' nats per character of a text, and by how much each predicts every character better."""
    readings = {name: session.reading(text, run) for run, name in enumerate(session.names)}
    made = _or_why_not(lambda: compare(readings))
    if isinstance(made, str):
        return {"refused": made}
    others = made.difference[1:].clip(-DIFFERENCE, DIFFERENCE)
    return {
        "text": made.text,
        "names": list(made.names),
        "nats": [rounded(it) for it in made.losses.values()],
        "difference": [packed(it, DIFFERENCE) for it in others],
        "spans": [
            [made.names.index(it.name), it.start, it.stop, it.text, rounded(it.difference, 3)] for it in made.spans
        ],
    }


def letters(session: TextSession, text: int = 0) -> list[dict[str, Any]]:
    """Return for each run how often the next letter of a word was guessed right, by the number of letters known."""
    answers = []
    for run, name in enumerate(session.names):
        reading = session.reading(text, run)
        made = _or_why_not(lambda reading=reading: known_letters(reading))
        if isinstance(made, str):
            answers.append({"name": name, "refused": made})
        else:
            right, among = ([rounded(it) for it in row] for row in (made.right, made.among_three))
            shown = {"known": made.known.tolist(), "letters": made.letters.tolist(), "right": right, "among": among}
            answers.append({"name": name, **shown})
    return answers


def _or_why_not(make: Callable[[], Any]) -> Any:
    """Return a result, or the reason why there is none: the rest of the screen is shown all the same."""
    try:
        return make()
    except ArgumentError as error:
        return str(error)


def recorded(session: TextSession) -> Iterator[Question]:
    """Record everything about the first text."""
    for run in range(len(session.runs)):
        yield "mistakes", {"text": 0, "run": run}
    if len(session.runs) > 1:
        yield "compared", {"text": 0}
    yield "letters", {"text": 0}


ERRORS = Screen(
    "errors", "Errors & compare", {"mistakes": mistakes, "compared": compared, "letters": letters}, recorded=recorded
)
