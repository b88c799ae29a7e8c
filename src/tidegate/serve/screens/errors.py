"""Errors & compare: what would have avoided each error, and where several models differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.predictions.compare import compare, known_letters
from tidegate.lens.predictions.mistakes import NONE, Mistakes
from tidegate.lens.predictions.mistakes import mistakes as peeled
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

DIFFERENCE = 3.0  # nats that are as dark as it gets


def mistakes(looking: Looking, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Every error of a run, by the first oracle that would have avoided it; and how many each takes away.

    An error is [place, class, n of the n-gram or 0, p of what stands there, what was expected instead].
    """
    reading, one = looking.reading(text, run), looking.runs[run]
    kept = looking.kept(
        ("mistakes", text, run), lambda: _or_why_not(lambda: peeled(reading, one.tokenizer, one.open_data().train))
    )
    if not isinstance(kept, Mistakes):
        return {"refused": kept}
    places = np.flatnonzero(kept.which != NONE)
    columns = (places, kept.which[places], kept.order[places], reading.log_p[places], reading.guesses[places, 0])
    rows = zip(*(it.tolist() for it in columns), strict=True)
    counts, remaining = kept.removed, kept.remaining
    return {
        "steps": len(reading),
        "errors": [
            [n, kind, order, rounded(np.exp(p)), one.tokenizer.token_text(best)] for n, kind, order, p, best in rows
        ],
        "classes": [
            {"name": it, "family": it.split()[0], "removed": counts[it], "remaining": rounded(remaining[it], 6)}
            for it in kept.classes
        ],
        "note": kept.note,
    }


def compared(looking: Looking, text: int = 0) -> dict[str, Any]:
    """All runs' nats per character of a text, and by how much each foresaw every character better than the first."""
    readings = {name: looking.reading(text, run) for run, name in enumerate(_names(looking))}
    made = _or_why_not(lambda: compare(readings))
    if isinstance(made, str):
        return {"refused": made}
    others = made.difference[1:].clip(-DIFFERENCE, DIFFERENCE)
    return {
        "text": made.text,
        "names": list(made.names),
        "nats": [rounded(it) for it in made.nats.values()],
        "difference": [packed(it, DIFFERENCE) for it in others],
        "spans": [
            [made.names.index(it.name), it.start, it.stop, it.text, rounded(it.difference, 3)] for it in made.spans
        ],
    }


def letters(looking: Looking, text: int = 0) -> list[dict[str, Any]]:
    """For each run, how often the next letter of a word was guessed right, by how many of its letters were known."""
    said = []
    for run, name in enumerate(_names(looking)):
        reading = looking.reading(text, run)
        made = _or_why_not(lambda reading=reading: known_letters(reading))
        if isinstance(made, str):
            said.append({"name": name, "refused": made})
        else:
            right, count = [rounded(it) for it in made.right], made.letters.tolist()
            said.append({"name": name, "known": made.known.tolist(), "letters": count, "right": right})
    return said


def _or_why_not(make: Callable[[], Any]) -> Any:
    """What is made, or a sentence on why it cannot be: the rest of the screen is shown all the same."""
    try:
        return make()
    except ArgumentError as error:
        return str(error)


def _names(looking: Looking) -> list[str]:
    """The runs' names; those of folders with the same name are numbered."""
    names = [run.folder.name for run in looking.runs]
    several = Counter(names)
    return [f"{name} ({n})" if several[name] > 1 else name for n, name in enumerate(names, 1)]


def recorded(looking: Looking) -> Iterator[Question]:
    """Everything about the first text."""
    for run in range(len(looking.runs)):
        yield "mistakes", {"text": 0, "run": run}
    if len(looking.runs) > 1:
        yield "compared", {"text": 0}
    yield "letters", {"text": 0}


ERRORS = Screen(
    "errors", "Errors & compare", {"mistakes": mistakes, "compared": compared, "letters": letters}, recorded=recorded
)
