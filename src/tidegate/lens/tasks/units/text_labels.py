"""Properties of texts and positions as labels of steps, for tasks that read or write texts."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded
from tidegate.lens.hidden_units.detectors import DETECTORS, Detector, per_token
from tidegate.lens.hidden_units.properties import property_of
from tidegate.lens.hidden_units.word_detectors import WORD_DETECTORS
from tidegate.lens.tasks.units.subject import StepLabel


def text_labels(
    words: bool, pieces: Callable[[Encoded], Sequence[str]], *, without: Sequence[str] = ()
) -> list[StepLabel]:
    """Return the built-in detectors as labels of steps that each read a piece of a text.

    Args:
        words: whether pieces are words, which are put between blanks, or characters.
        pieces: the pieces of an example, one for each step.
        without: detectors to leave out.
    """
    chosen = WORD_DETECTORS if words else DETECTORS

    def label(detector: Detector) -> StepLabel:
        def of(example: Encoded) -> NDArray[Any]:
            read = pieces(example)
            return per_token(detector, [f" {it.strip()}" if it.strip() else it for it in read] if words else read)

        known = property_of(detector.name, "words" if words else "characters")
        return StepLabel(detector.name, detector.kind, of, words=known.words)

    return [label(it) for it in chosen.values() if it.name not in without]


def place_labels(steps: Callable[[Encoded], int]) -> list[StepLabel]:
    """Return the number of steps read, and of those to come."""

    def read(example: Encoded) -> NDArray[Any]:
        return np.arange(1, steps(example) + 1)

    def to_come(example: Encoded) -> NDArray[Any]:
        return np.arange(steps(example))[::-1]

    return [
        StepLabel("steps read", "count", read, words="with the number of steps read so far"),
        StepLabel("steps to come", "count", to_come, words="with the number of steps to come"),
    ]
