"""What a look inside any task gives back: sequences as recurrent layers read them, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.shapes.frames import Frames
from tidegate.lens.trace import Trace


@dataclass(frozen=True)
class Choices:
    """What a model says after each of T steps, one out of C.

    Attributes:
        labels: the C that can be said.
        probabilities: (T, C) float32; each row sums to 1.
    """

    labels: Sequence[str]
    probabilities: NDArray[np.float32]

    @property
    def best(self) -> list[str]:
        """The likeliest after each step."""
        return [self.labels[int(n)] for n in self.probabilities.argmax(1)]

    def top(self, count: int = 3) -> list[list[tuple[str, float]]]:
        """The likeliest after each step with their probabilities, the best first.

        Args:
            count: how many, at least 1; all if there are fewer.

        Raises:
            ArgumentError: the count is not positive.
        """
        if count < 1:
            raise ArgumentError(f"the top {count} of {len(self.labels)}: give at least 1")
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return [
            [(self.labels[int(n)], float(row[n])) for n in best]
            for row, best in zip(self.probabilities, order, strict=True)
        ]


@dataclass(frozen=True)
class Steps:
    """A sequence of T steps as recurrent layers read it.

    Attributes:
        read: what each step read, for a person; empty where that is numbers: then there are ``frames``.
        trace: gates and states of all layers and directions after each step.
        frames: the numbers that were read, as pictures.
        choices: what the model says after each step, where it says something there.
    """

    read: tuple[str, ...]
    trace: Trace
    frames: Frames | None = None
    choices: Choices | None = None

    def __len__(self) -> int:
        return len(self.trace)


@dataclass(frozen=True)
class Look:
    """One example as a trained model took it.

    Attributes:
        task: by name, as in `tidegate.tasks.kinds`.
        steps: the sequences that recurrent layers read, by name, in order: "input", or "source" and "target".
        said: what ``tidegate predict --json`` says of it.
        truth: what would have been right, in the form of what is said; None where that is not known.
        attention: (R, S), how much of each of the S steps of the first sequence went into each of R answers: the tokens
            of a text, or one class. Each row sums to 1. None: the model has no attention.
    """

    task: str
    steps: Mapping[str, Steps]
    said: Mapping[str, Any]
    truth: Any
    attention: NDArray[np.float32] | None
