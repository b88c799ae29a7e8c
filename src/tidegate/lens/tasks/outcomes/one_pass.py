"""`held_out_outcomes`: one pass over the held-out examples of a run."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.data.columns import Part
from tidegate.data.ragged_array import Rows
from tidegate.errors import ArgumentError
from tidegate.lens.progress import report_progress
from tidegate.lens.tasks.inputs import PartName
from tidegate.lens.tasks.outcomes.outcome import Answers, Outcome, Outcomes
from tidegate.lens.tasks.task_look import ExampleLook, task_look
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.base_task import ExampleTask
from tidegate.train import Run
from tidegate.train.registry import task_named

MOST = 2_000  # examples that are tried
TRYING = "Trying the examples"
MOST_PIXELS = 1 << 20  # of all pictures together
AT_ONCE = 256  # examples of a step of the pass


class HeldOut:
    """The held-out examples of a run that are tried: those of its validation part, or of test if it has no other.

    Of more examples than are tried some are taken, evenly spread over the part, which may be sorted.

    Args:
        run: from `tidegate.train.load_run`.
        limit: number of examples that are tried, at most.

    Raises:
        ArgumentError: the task's examples cannot be looked at, or the limit is not positive.
    """

    def __init__(self, run: Run, limit: int = MOST) -> None:
        look = task_look(run)
        if not isinstance(look, ExampleLook):
            raise ArgumentError(f"{run.place} is a run of the task {run.config.task}, which has no look at examples.")
        if limit < 1:
            raise ArgumentError(f"limit is {limit}: give at least 1.")
        self.run, self._look = run, look
        parts = run.open_data().parts
        self.part: PartName = "validation" if len(parts["validation"]) else "test"
        self._examples = parts[self.part]
        self.total = len(self._examples)
        self.numbers = np.linspace(0, self.total - 1, min(limit, self.total)).round().astype(int).tolist()
        kind = cast(type[ExampleTask], task_named(run.config.task))
        self._task = kind(run.config.model, run.vocabulary)

    @property
    def answers(self) -> Answers | None:
        """What the run answers; None if its task does not say how right an answer is."""
        return None if self._look.outcomes is None else self._look.answers

    def batch(self, start: int) -> list[Outcome]:
        """Try up to 256 examples, from number ``start`` of ``numbers`` on.

        Raises:
            ArgumentError: the task does not say how right an answer is.
        """
        if self._look.outcomes is None:
            raise ArgumentError(f"The task {self._task.name} does not say whether an answer is right.")
        numbers = self.numbers[start : start + AT_ONCE]
        if not numbers:
            return []
        part = Part({name: Rows(rows) for name, rows in self._examples.rows(numbers).items()})
        with evaluating(self.run.model), torch.inference_mode():
            return self._look.outcomes(self._task, self.run.model, part, numbers)

    def pictures(self) -> NDArray[np.float32] | None:
        """Return the pictures of all examples that are tried, (N, height, width[, channels]) from 0 to 1.

        None if examples are no pictures, are not of one size, or together have more than a million numbers.
        """
        if self._look.picture is None or not self.numbers:
            return None
        first = self._picture(self.numbers[0])
        if first.size * len(self.numbers) > MOST_PIXELS:
            return None
        found = [self._picture(number) for number in self.numbers]
        return np.stack(found) if all(it.shape == first.shape for it in found) else None

    def _picture(self, number: int) -> NDArray[np.float32]:
        assert self._look.picture is not None
        return self._look.picture(self._task, {name: column[number] for name, column in self._examples.columns.items()})

    def together(self, each: list[Outcome]) -> Outcomes:
        """Return outcomes of this run as one result."""
        labels = self._task.preprocessing.vocabulary("labels").entries if self._look.answers == "labels" else ()
        return Outcomes(self.part, self.total, self._look.answers, self._look.measure, labels, tuple(each))

    def __iter__(self) -> Iterator[list[Outcome]]:
        for start in range(0, len(self.numbers), AT_ONCE):
            yield self.batch(start)


def held_out_outcomes(run: Run, *, limit: int = MOST) -> Outcomes:
    """Try the held-out examples of a run: which answers are wrong, how sure it was, and what it takes for what.

    Classifiers and taggers answer with labels, translators and captioners with texts (by the run's own beam search),
    which are right if they are equal to the true text. Forecasts and values at every step are numbers, which are ranked
    by their error.

    Args:
        run: from `tidegate.train.load_run`; a task other than language modelling.
        limit: number of examples that are tried, at most, evenly spread over the part.

    Raises:
        ArgumentError: the task cannot be looked at or does not say how right an answer is; the limit is not positive.
    """
    examples = HeldOut(run, limit)
    found: list[Outcome] = []
    for batch in examples:
        found += batch
        report_progress(TRYING, len(found) / len(examples.numbers))
    return examples.together(found)
