"""Held-out examples of a run: the first half to choose hidden units on, the second to measure on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.data.buckets import pad
from tidegate.data.columns import Encoded
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.lens.tasks.task_look import ExampleLook, task_look
from tidegate.lens.tasks.units.subject import ReadSequence, Subject
from tidegate.tasks.base_task import ExampleTask, example_task
from tidegate.tasks.example_batches import Columns
from tidegate.train import Run

SEARCHED = 40_000  # steps of held-out examples
BATCH = 64
PARTS = ("test", "validation")
NEAR = 0.1  # of all steps: how far from the middle the halves may meet, so that they meet between two examples


@dataclass(frozen=True)
class HeldOutHalves:
    """Held-out examples of a run, and what is known of its task.

    Attributes:
        task: the run's task.
        subject: what is known of it.
        part: the part that the examples are from: "test", or "validation" if that is empty.
        examples: the examples, encoded.
    """

    task: ExampleTask
    subject: Subject
    part: str
    examples: Sequence[Encoded]

    __repr__ = brief_repr

    @property
    def searched(self) -> str:
        """What is searched, for messages."""
        return f"these {len(self.examples):,} examples"

    def batches(self) -> Iterator[Sequence[Encoded]]:
        """Iterate over the examples in their order, some at a time."""
        for start in range(0, len(self.examples), BATCH):
            yield self.examples[start : start + BATCH]

    def half(self, sequence: ReadSequence) -> tuple[int, int]:
        """Return where the second half begins: the number of an example, and a step of it.

        That is between two examples, if the step nearest to the middle is within a tenth of all steps of it; long
        series are cut.
        """
        ends = np.cumsum([sequence.steps(it) for it in self.examples])
        whole = int(ends[-1])
        near = int(np.abs(ends - whole / 2).argmin())
        if abs(ends[near] - whole / 2) <= NEAR * whole:
            return near + 1, 0
        cut = int(np.searchsorted(ends, whole // 2, "right"))
        return cut, whole // 2 - int(ends[cut - 1] if cut else 0)


def columns_of(examples: Sequence[Encoded], device: Any) -> Columns:
    """Return encoded examples as a batch."""
    return {name: pad([it[name] for it in examples]).to(device) for name in examples[0]}


def subject_of(run: Run) -> Subject:
    """Return what is known of a run's task.

    Raises:
        ArgumentError: it does not say.
    """
    look = task_look(run)
    if not isinstance(look, ExampleLook) or look.subject is None:
        raise ArgumentError(
            f"{run.place} is a run of the task {run.config.task}, which does not say what its hidden units may track: "
            "its look has no `subject` (tidegate.lens.tasks.units.subject). Of language models see find_cells."
        )
    return look.subject


def held_out(run: Run, limit: int = SEARCHED) -> HeldOutHalves:
    """Return examples of a run's own data that it was not trained on.

    Args:
        run: the run.
        limit: maximal number of steps, of the column by whose length examples are batched; at least one example.

    Raises:
        ArgumentError: the run has none, or the task does not say what its hidden units may track.
    """
    subject, kind = subject_of(run), example_task(run.config.task)
    parts = run.open_data().parts if run.holds_data else {}
    for name in PARTS:
        part = parts.get(name)
        if part is None or not len(part):
            continue
        order = np.random.default_rng(0).permutation(len(part)) if subject.shuffled else np.arange(len(part))
        ends = np.cumsum(part.columns[kind.LENGTH].lengths[order])
        rows = part.rows(order[: max(1, int(np.searchsorted(ends, limit, "right")))])
        examples = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
        if subject.first_steps is not None and ends[0] > limit:
            examples = [subject.first_steps(examples[0], limit)]
        return HeldOutHalves(kind(run.config.model, run.vocabulary), subject, name, examples)
    raise ArgumentError(
        f"{run.label} has no held-out examples, neither for test nor for validation: train with --splits, such "
        "as 80/10/10, or with --validation FILES."
    )
