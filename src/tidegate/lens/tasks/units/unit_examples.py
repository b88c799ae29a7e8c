"""`unit_examples`: held-out examples with the values of one hidden unit at each step, to look at a finding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import spaced, tinted_text, together
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, held_out
from tidegate.lens.tasks.units.recorded_steps import recorded_steps
from tidegate.lens.tasks.units.subject import ReadSequence, StepLabel
from tidegate.train import Run

TRIED = 400  # examples among which those to show are chosen


@dataclass(frozen=True)
class UnitExample:
    """One hidden unit over an example.

    Attributes:
        read: the input of each of T steps as text; empty where inputs are numbers.
        values: (T,) the unit's value after each step.
        label: (T,) the property that was asked for; of a whole example its value at every step. NaN where it is
            undefined, or if none was asked for.
    """

    read: tuple[str, ...]
    values: NDArray[np.float32]
    label: NDArray[np.float64]

    __repr__ = brief_repr

    def _repr_html_(self) -> str:
        """Notebook view: what was read, tinted by the unit."""
        return together(tinted_text(spaced(self.read), self.values, "The hidden unit's value after each step"))


def unit_examples(
    run: Run,
    layer: int,
    name: str,
    unit: int,
    *,
    direction: int = 0,
    sequence: str | None = None,
    label: str | None = None,
    count: int = 6,
) -> list[UnitExample]:
    """Return examples of the half on which `find_units` did not choose, with the values of one hidden unit.

    Args:
        run: a run of any task but language modelling, with its data.
        layer: the layer, from 0.
        name: the gate or state.
        unit: the hidden unit.
        direction: 0 forward, 1 reverse.
        sequence: "source" or "target" of a translator. Default: the first sequence.
        label: a property of the task by name. Of yes/no properties examples are chosen that have it; if it is one of
            whole examples, half of them do. Default: none, and the first examples.
        count: number of examples, at most.

    Raises:
        ArgumentError: the run has no held-out examples, or there is no such unit, sequence or property.
    """
    held = held_out(run)
    _, chosen = held.subject.sequence(sequence)
    number, _ = held.half(chosen)
    examples = held.examples[number : number + TRIED]
    known = {it.name: it for it in chosen.labels(held.task)}
    if label is not None and label not in known:
        raise ArgumentError(f"There is no property {label!r:.60}: choose one of {', '.join(known)}.")
    property_ = None if label is None else known[label]
    picked = _picked(replace(held, examples=examples), chosen, property_, count)
    layers = chosen.layers(run.model)
    if not 0 <= layer < layers.num_layers or not 0 <= direction <= layers.bidirectional:
        raise ArgumentError(
            f"There is no layer {layer} in direction {direction}: there are {layers.num_layers} layers, in "
            f"{'both directions' if layers.bidirectional else 'direction 0'}."
        )
    values = recorded_steps(picked, run.model, chosen, [name])[layer, direction][name]
    if not 0 <= unit < values.shape[1]:
        raise ArgumentError(f"There is no hidden unit {unit}: they are 0..{values.shape[1] - 1}.")
    found, at = [], 0
    for example in picked.examples:
        steps = chosen.steps(example)
        rows = np.full(steps + 1, np.nan) if property_ is None else property_.rows(example, steps)
        shown = np.full(steps, rows[-1]) if property_ is not None and property_.whole else rows[:-1]
        read = tuple(chosen.read(held.task, example))
        found.append(UnitExample(read, values[at : at + steps, unit], shown))
        at += steps + 1
    return found


def _picked(held: HeldOutHalves, sequence: ReadSequence, label: StepLabel | None, count: int) -> HeldOutHalves:
    """Return the first examples with a property; of whole examples half with it, and half without."""
    examples: Sequence = held.examples
    if label is not None and label.kind == "yes/no":
        has = [bool((label.rows(it, sequence.steps(it)) == 1).any()) for it in examples]
        with_it, without = (
            [it for it, own in zip(examples, has, strict=True) if own == wanted] for wanted in (True, False)
        )
        wanted = count - count // 2 if label.whole else count
        examples = [*with_it[:wanted], *without[: count - min(wanted, len(with_it))]]
    return replace(held, examples=examples[:count])
