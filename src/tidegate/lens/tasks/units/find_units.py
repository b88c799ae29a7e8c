"""`find_units`: which hidden unit of a tagger, classifier or another task's model tracks what."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.controls import fresh
from tidegate.lens.hidden_units.findings import Findings
from tidegate.lens.hidden_units.unit_search import SHIFTS, TWINS, Labels, check_controls, search_units
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, held_out
from tidegate.lens.tasks.units.recorded_steps import recorded_steps
from tidegate.lens.tasks.units.subject import ReadSequence, StepLabel
from tidegate.train import Run
from tidegate.train.registry import task_named


def find_units(
    run: Run,
    *,
    sequence: str | None = None,
    labels: Sequence[StepLabel] | None = None,
    names: str | Sequence[str] = "all",
    seed: int = 0,
    shifts: int = SHIFTS,
    twins: int = TWINS,
) -> Findings:
    """Find the hidden units of a run that track properties of held-out examples, beside controls.

    As in `tidegate.lens.find_cells`, a unit is chosen on the first half of the examples and its score is measured on
    the second, and the same search is made for labels shifted along the steps, and in untrained models on the same
    examples.

    Args:
        run: a run of any task but language modelling, with its data.
        sequence: the sequence whose layers are searched: "source" or "target" of a translator. Default: the first.
        labels: the properties to search for. Default: those of the task, such as its tags, and of its inputs.
        names: which gates and states, of the cell's ``recorded``.
        seed: seed of the first untrained model (the next ones have the next seeds), and of the distances of shifts.
        shifts: number of distances by which labels are shifted, at least 1.
        twins: number of untrained models that are searched too, at least 1; each takes as long as the trained one.

    Raises:
        ArgumentError: the run has no held-out examples, there is no such sequence, gate or state, or labels are
            invalid.
    """
    held = held_out(run)
    _, chosen = held.subject.sequence(sequence)
    wanted = list(chosen.labels(held.task) if labels is None else labels)
    known = [it.name for it in wanted]
    if not known or len(set(known)) != len(known):
        raise ArgumentError(f"Labels need different names, at least one: given {', '.join(known) or 'none'}.")
    check_controls(shifts, twins)
    half = _half(held, chosen)
    rows = [Labels(it.name, it.kind, _values(it, held, chosen), half, shifts, seed) for it in wanted]
    like = next(run.model.parameters())
    kind = task_named(run.config.task)
    # With its data the task gives a new model the pretrained word vectors that the trained one began with.
    task: Any = kind(run.config.model, run.vocabulary, run.open_data())  # pyright: ignore[reportCallIssue]

    def traces() -> Iterator[Trace]:
        yield recorded_steps(held, run.model, chosen, names)
        for k in range(twins):
            yield recorded_steps(held, fresh(task.new_model, like, seed + k), chosen, names)

    return search_units(rows, traces(), held.searched, networks=1 + twins)


def _half(held: HeldOutHalves, sequence: ReadSequence) -> int:
    """Return the row of `recorded_steps` with which the second half begins."""
    number, step = held.half(sequence)
    return sum(sequence.steps(it) + 1 for it in held.examples[:number]) + step


def _values(label: StepLabel, held: HeldOutHalves, sequence: ReadSequence) -> NDArray[np.float64]:
    return np.concatenate([label.rows(it, sequence.steps(it)) for it in held.examples])
