"""What the search for hidden units, ablation and attribution need to know of a task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.data.columns import Encoded
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.detectors import Kind
from tidegate.nn.layered import Layered
from tidegate.tasks.example_batches import Columns

WRONG = "share of wrong predictions"


@dataclass(frozen=True)
class StepLabel:
    """A property of the steps of an example, or of the whole example, that a hidden unit may track.

    Attributes:
        name: its name.
        kind: "yes/no", with values 1 and 0, or "count", with any numbers.
        of: from an encoded example of T steps to T values (an array or list), each of the property after that step was
            read; or, if ``whole``, to one value, which is compared with the states after the whole example was read.
            NaN where it is undefined.
        whole: whether it is one of the whole example.
        words: it in words, which end "the unit is high ..." or, of a count, "the unit rises ..."; empty if the name
            says enough.
    """

    name: str
    kind: Kind
    of: Callable[[Encoded], ArrayLike]
    whole: bool = False
    words: str = ""

    def rows(self, example: Encoded, steps: int) -> NDArray[np.float64]:
        """Return the values (T + 1,) at each step and, last, after the whole example: NaN where there is none.

        Raises:
            ArgumentError: ``of`` gave something else than the values described.
        """
        made, wanted = np.asarray(self.of(example)), 1 if self.whole else steps
        if made.dtype.kind not in "biuf" or made.shape != (wanted,):
            raise ArgumentError(
                f"Label {self.name!r} gave {made.dtype} of shape {made.shape} for {steps:,} steps; it should give "
                f"{'one number or bool' if self.whole else 'one number or bool for each step'}."
            )
        rows = np.full(steps + 1, np.nan)
        rows[slice(steps, None) if self.whole else slice(0, steps)] = made
        if self.kind == "yes/no" and not np.isin(rows[~np.isnan(rows)], (0, 1)).all():
            raise ArgumentError(f"Label {self.name!r} is of kind 'yes/no', but gave other numbers than 0, 1 and NaN.")
        return rows


@dataclass(frozen=True)
class ReadSequence:
    """A sequence that recurrent layers of a model read.

    Attributes:
        layers: returns the recurrent layers of a model.
        steps: counts the steps of an encoded example.
        labels: returns the properties of steps for a task.
        read: returns what each step of an example of a task read, as text; nothing where it is numbers.
    """

    layers: Callable[[Any], Layered]
    steps: Callable[[Encoded], int]
    labels: Callable[[Any], Sequence[StepLabel]]
    read: Callable[[Any, Encoded], Sequence[str]] = lambda task, example: ()


class Scored(NamedTuple):
    """The P predictions of a model for an example, compared with the truth.

    Attributes:
        loss: (P,) the loss of each; NaN for those that do not count.
        error: (P,) 1 where the prediction is wrong and 0 where it is right, or another error, which `Subject.error`
            names; NaN where there is none.
    """

    loss: NDArray[np.float64]
    error: NDArray[np.float64]


@dataclass(frozen=True)
class Subject:
    """What the search for hidden units, ablation and attribution need to know of a task.

    Attributes:
        sequences: by name, those of a look: "input", or "source" and "target".
        scored: from a task, its model in eval mode and a batch of labelled examples to the predictions of each.
        groups: from a task and a labelled example to the P names of what was to be predicted, such as the true tags.
        grouped_by: what these names are, such as "tag".
        shuffled: whether examples are drawn at random, and not the first ones in their order: files are often sorted.
        first_steps: cuts a long example after a number of steps; None if examples are taken whole.
        error: what the errors of ``scored`` are on average.
    """

    sequences: Mapping[str, ReadSequence]
    scored: Callable[[Any, Any, Columns], Sequence[Scored]]
    groups: Callable[[Any, Encoded], Sequence[str]]
    grouped_by: str
    shuffled: bool = True
    first_steps: Callable[[Encoded, int], Encoded] | None = None
    error: str = WRONG

    __repr__ = brief_repr

    def sequence(self, name: str | None) -> tuple[str, ReadSequence]:
        """Return a sequence by name, with its name; the first one by default.

        Raises:
            ArgumentError: there is none of that name.
        """
        chosen = next(iter(self.sequences)) if name is None else name
        if chosen not in self.sequences:
            raise ArgumentError(f"There is no sequence {chosen!r:.40}: choose one of {', '.join(self.sequences)}.")
        return chosen, self.sequences[chosen]
