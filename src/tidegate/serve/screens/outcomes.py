"""Mistakes: which held-out examples a run of a task gets wrong, and what it takes for what."""

from collections.abc import Iterator
from typing import Any

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.outcomes import Outcome
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

MAX_LABELS = 24  # of a confusion matrix
MAX_TEXT = 160  # characters of an example in a list
MAX_EXAMPLES = 50  # of a cell, the worst ones
EXTREME = 1e30  # losses beyond it are infinite on the page


def outcomes(session: ExampleSession) -> dict[str, Any]:
    """Return what the run made of each of its own examples, in their order.

    An example is [number on the page, text, true answer, the run's answer, its probability, loss, right (1, 0 or null),
    step of the answer and its token, number of answers, of wrong ones].
    """
    found = session.all_outcomes()
    right = None if found.accuracy is None else sum(bool(it.right) for it in found.each)
    return {
        "part": found.part,
        "total": found.total,
        "measure": found.measure,
        "answers": found.answers,
        "accuracy": None if found.accuracy is None else rounded(found.accuracy),
        "right": right,
        "rows": [_row(session.first_own + n, it) for n, it in enumerate(found.each)],
    }


def thumbnails(session: ExampleSession) -> dict[str, Any]:
    """Return the pictures of the run's own examples, from the first on; null if they have none that fit."""
    found = None if session.held_out is None else session.held_out.pictures()
    return {"first": session.first_own, "pictures": None if found is None else packed(found, 1.0)}


def confusion(session: ExampleSession) -> dict[str, Any]:
    """Return the confusion matrix of the most confused labels, and the scores of all labels.

    A cell is [true label, guessed label, count, numbers of examples on the page]. Cells without an answer are left out.
    """
    found = session.all_outcomes()
    whole = found.confusion()
    shown = whole.most_confused(MAX_LABELS)
    place = {label: n for n, label in enumerate(shown)}
    page = {it.number: session.first_own + n for n, it in enumerate(found.each)}
    cells = [
        [place[true], place[guess], cell.count, [page[n] for n in cell.examples[:MAX_EXAMPLES]]]
        for (true, guess), cell in whole.cells.items()
        if true in place and guess in place
    ]
    return {
        "labels": [whole.labels[n] for n in shown],
        "of": len(whole.labels),
        "cells": cells,
        "left_out": sum(cell.count for cell in whole.cells.values()) - sum(cell[2] for cell in cells),
        "scores": [
            [it.label, rounded(it.precision), rounded(it.recall), rounded(it.f1), it.count] for it in found.scores()
        ],
    }


def _row(number: int, it: Outcome) -> list[Any]:
    cut = [text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…" for text in (it.text, it.truth, it.guess)]
    p = None if it.p is None else rounded(it.p)
    right = None if it.right is None else int(it.right)
    return [
        number,
        *cut,
        p,
        rounded(min(it.loss, EXTREME)),
        right,
        it.step,
        it.token[:MAX_TEXT],
        it.predictions,
        it.wrong,
    ]


def recorded(session: ExampleSession) -> Iterator[Question]:
    """Record everything."""
    yield "outcomes", {}
    yield "confusion", {}
    yield "thumbnails", {}


def tells_right(session: Session) -> bool:
    """Return whether the run's task says how right an answer is, and there are several examples."""
    if not isinstance(session, ExampleSession) or session.held_out is None:
        return False
    return session.answers is not None and len(session.held_out.numbers) > 1


def title(session: ExampleSession) -> str:
    """Return "Mistakes", or "Errors" where answers are numbers."""
    return "Errors" if session.answers == "numbers" else "Mistakes"


OUTCOMES = Screen(
    "outcomes",
    "Mistakes",
    {"outcomes": outcomes, "confusion": confusion, "thumbnails": thumbnails},
    recorded=recorded,
    shown=tells_right,
    title_of=title,
)
