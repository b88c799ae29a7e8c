"""The outcome of one example, and those of all examples that were tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tidegate.drawing import table_html
from tidegate.drawing.brief import brief_repr
from tidegate.lens.tasks.outcomes.confusion import Confusion, Counted, LabelScore, confusion_of, label_scores

Answers = Literal["labels", "texts", "numbers"]
SHOWN = 10  # examples of a notebook's view


@dataclass(frozen=True)
class Outcome:
    """What a run made of one example whose answer is known.

    A tagger answers at every step; ``truth``, ``guess`` and ``p`` are then those of the wrong step whose true tag it
    found least likely, or of the least likely of all steps if none is wrong.

    Attributes:
        number: of the example in its part.
        text: what was read; "" where it is numbers.
        truth: the true answer; "" where it is numbers, and likewise below.
        guess: the model's answer.
        p: the model's probability of its answer; None where it has none.
        loss: by which examples are ranked, in the unit of `Outcomes.measure`.
        right: whether every answer is right; None where the answers are numbers.
        step: the step that ``truth`` and ``guess`` are about; 0 unless the model answers at every step.
        token: the word or character of that step; "" where the model answers once, or reads numbers.
        predictions: number of answers.
        wrong: how many of them are wrong.
        counts: how often each pair (true label, guessed label) occurs, by the labels' numbers; -1 is a label that the
            training part lacks. Empty unless answers are labels.
    """

    number: int
    text: str
    truth: str
    guess: str
    p: float | None
    loss: float
    right: bool | None
    step: int = 0
    token: str = ""
    predictions: int = 1
    wrong: int = 0
    counts: Mapping[tuple[int, int], int] = field(default_factory=dict)

    __repr__ = brief_repr


@dataclass(frozen=True)
class Outcomes:
    """What a run made of the examples of a part, in their order.

    Attributes:
        part: "validation" or "test".
        total: number of examples in that part; more than there are outcomes if it has more than were tried.
        answers: what the run answers: labels and texts are right or wrong, numbers are not.
        measure: what ``loss`` is, with its unit.
        labels: the labels by number; empty unless answers are labels.
        each: one for each example tried.
    """

    part: str
    total: int
    answers: Answers
    measure: str
    labels: Sequence[str]
    each: Sequence[Outcome]

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.each)

    @property
    def accuracy(self) -> float | None:
        """The share of answers that are right; None where answers are numbers."""
        count = sum(it.predictions for it in self.each)
        if self.answers == "numbers" or not count:
            return None
        return 1 - sum(it.wrong for it in self.each) / count

    def worst(self, count: int = 10) -> list[Outcome]:
        """Return the examples with the largest loss, the worst first; none whose answers are all right.

        Args:
            count: the maximal number.
        """
        return sorted((it for it in self.each if not it.right), key=lambda it: -it.loss)[:count]

    def confusion(self) -> Confusion:
        """Return what was taken for what, with the examples of each pair; empty unless answers are labels."""
        ranked = sorted(self.each, key=lambda it: -it.loss)
        return confusion_of(self.labels, [Counted(it.number, it.counts) for it in ranked])

    def scores(self) -> list[LabelScore]:
        """Return precision, recall and F1 of each label; empty unless answers are labels."""
        return label_scores(self.confusion())

    def _repr_html_(self) -> str:
        """Notebook view: the worst examples."""
        rows = [
            [
                str(it.number),
                it.text or "-",
                it.truth,
                it.guess,
                "" if it.p is None else f"{it.p:.3f}",
                f"{it.loss:.3f}",
            ]
            for it in self.worst(SHOWN)
        ]
        return table_html(rows, ("example", "read", "true", "said", "p", self.measure))
