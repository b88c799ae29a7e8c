"""How runs of a task are looked at: what the function named by a task's ``look`` returns."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded, Part
from tidegate.errors import ArgumentError
from tidegate.lens.tasks.example import ArrayRow, Example
from tidegate.lens.tasks.outcomes.outcome import Answers, Outcome
from tidegate.lens.tasks.reasons.decisions import Decisions
from tidegate.lens.tasks.units.subject import Subject
from tidegate.lens.tasks.views import Look
from tidegate.train import Run
from tidegate.train.registry import task_named


@dataclass(frozen=True)
class TextLook:
    """The runs are language models, which read and write texts: `tidegate.lens.read`, `TextSession`."""


@dataclass(frozen=True)
class ExampleLook:
    """The runs take independent examples, which are looked at one by one: `look_at`, `ExampleSession`.

    Attributes:
        look: computes what the model did with an example, from the task, its model in eval mode and the example.
        title: title of the tab on the page.
        text_field: the field of a row that a text goes into; None if the task reads no text.
        tokens_field: the field that a list of words or characters goes into; None if it reads no such list.
        array_row: makes the fields of a row of an array of numbers; None if it reads no arrays.
        outcomes: computes how right the model's answers to some held-out examples are, from the task, its model in eval
            mode, the examples and their numbers; None if the task does not say. See `tidegate.lens.tasks.outcomes`.
        measure: what the losses of ``outcomes`` are, with their unit.
        answers: what the model answers: "labels", which are the vocabulary of that name, "texts" or "numbers".
        picture: draws a stored example, (height, width[, channels]) from 0 to 1, of the task and the example; None
            if examples are no pictures.
        subject: what hidden units may track, and how predictions are scored, for `find_units` and `unit_effect`; None
            if the task does not say.
        decisions: what is decided, as a function of the steps' inputs, for `what_decided`; None likewise.
    """

    look: Callable[[Any, Any, Example], Look]
    title: str = "Steps"
    text_field: str | None = None
    tokens_field: str | None = None
    array_row: Callable[[NDArray[Any]], ArrayRow] | None = None
    outcomes: Callable[[Any, Any, Part, Sequence[int]], list[Outcome]] | None = None
    measure: str = ""
    answers: Answers = "labels"
    picture: Callable[[Any, Encoded], NDArray[np.float32]] | None = None
    subject: Subject | None = None
    decisions: Decisions | None = None


TaskLook = TextLook | ExampleLook


def task_look(run: Run) -> TaskLook | None:
    """Return how a run is looked at; None if its task does not say.

    A task names a function in its class attribute ``look``, as ``"module:function"``, so that training does not import
    it. The function is called with the run.

    Raises:
        ArgumentError: the task's ``look`` names no function, or the function returns something else.
    """
    kind = task_named(run.config.task)
    place: str | None = getattr(kind, "look", None)
    if place is None:
        return None
    module, _, name = place.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(
            f"{kind.__name__}.look is {place!r}, which cannot be imported ({error}): give 'module:function'."
        ) from error
    found = function(run)
    if not isinstance(found, TaskLook):
        raise ArgumentError(
            f"{place} returned a {type(found).__name__}, but should return a TextLook or an ExampleLook "
            "(`tidegate.lens.tasks.task_look`)."
        )
    return found
