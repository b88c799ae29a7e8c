"""The confusion matrix with the examples of each cell, and the scores of each label."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr

UNSEEN = -1
UNSEEN_LABEL = "(not in training)"
KEPT = 100  # examples of a cell, the worst ones


class Counted(NamedTuple):
    """An example's pairs of labels.

    Attributes:
        number: of the example.
        counts: how often each pair (true label, guessed label) occurs in it.
    """

    number: int
    counts: Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Cell:
    """A cell of a confusion matrix.

    Attributes:
        count: of answers.
        examples: the numbers of examples with such an answer, at most 100, the worst first.
    """

    count: int
    examples: tuple[int, ...]


@dataclass(frozen=True)
class Confusion:
    """What was taken for what.

    Attributes:
        labels: names; the last is "(not in training)" if a true label was not in the training part.
        cells: by (true label, guessed label), as numbers into ``labels``; cells without an answer are left out.
    """

    labels: Sequence[str]
    cells: Mapping[tuple[int, int], Cell]

    __repr__ = brief_repr

    def matrix(self) -> NDArray[np.int64]:
        """Return the counts, (true labels, guessed labels)."""
        found = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for place, cell in self.cells.items():
            found[place] = cell.count
        return found

    def mistakes(self) -> list[tuple[int, int]]:
        """Return the cells of mistakes, the most frequent first."""
        wrong = [place for place in self.cells if place[0] != place[1]]
        return sorted(wrong, key=lambda it: (-self.cells[it].count, it))

    def most_confused(self, count: int) -> list[int]:
        """Return the labels with the most mistakes, as true or as guessed labels, in the order of their numbers.

        Args:
            count: the maximal number; all labels if there are no more.
        """
        if len(self.labels) <= count:
            return list(range(len(self.labels)))
        matrix = self.matrix()
        wrong = matrix.sum(0) + matrix.sum(1) - 2 * matrix.diagonal()
        return sorted(np.lexsort((-matrix.sum(1), -wrong))[:count].tolist())


@dataclass(frozen=True)
class LabelScore:
    """The scores of one label.

    Attributes:
        label: its name.
        precision: the share of the answers with this label that are right; 0 if there is none.
        recall: the share of its occurrences that were found; 0 if there is none.
        f1: their harmonic mean; 0 if both are 0.
        count: its occurrences.
    """

    label: str
    precision: float
    recall: float
    f1: float
    count: int


def confusion_of(labels: Sequence[str], examples: Iterable[Counted]) -> Confusion:
    """Add up the pairs of labels of some examples.

    Args:
        labels: their names.
        examples: the worst first.
    """
    counts: dict[tuple[int, int], int] = defaultdict(int)
    kept: dict[tuple[int, int], list[int]] = defaultdict(list)
    for example in examples:
        for (true, guess), count in example.counts.items():
            place = (len(labels) if true == UNSEEN else true), guess
            counts[place] += count
            if len(kept[place]) < KEPT:
                kept[place].append(example.number)
    unseen = any(true == len(labels) for true, _ in counts)
    cells = {place: Cell(counts[place], tuple(kept[place])) for place in sorted(counts)}
    return Confusion((*labels, *[UNSEEN_LABEL] * unseen), cells)


def label_scores(confusion: Confusion) -> list[LabelScore]:
    """Compute the scores of each label that occurs or was guessed."""
    matrix = confusion.matrix()
    right, true, guessed = matrix.diagonal(), matrix.sum(1), matrix.sum(0)
    found = []
    for n, label in enumerate(confusion.labels):
        if not true[n] and not guessed[n]:
            continue
        precision, recall = (float(right[n] / of[n]) if of[n] else 0.0 for of in (guessed, true))
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        found.append(LabelScore(label, precision, recall, f1, int(true[n])))
    return found
