"""What a look inside any task gives back: sequences as recurrent layers read them, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import Scale, caption_html, heat_map_svg, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import tinted_text, together
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks.pictures import Frames

SHOWN = 256  # steps of a heat map in a notebook's view
LIKELIEST = 12  # choices there
LONGEST = 400  # characters of what was said there


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

    def _repr_html_(self) -> str:
        """A notebook's view: the probabilities of what is said most often, step by step."""
        return self._drawn(())

    def _drawn(self, read: Sequence[str]) -> str:
        """What is likely at some step; ``read`` stands below."""
        rows = np.argsort(-self.probabilities.max(0), kind="stable")[:LIKELIEST]
        shown, names = self.probabilities[:SHOWN, rows].T, [self.labels[int(n)] for n in rows]
        what = f"The {len(rows)} of {len(self.labels)} that are likeliest at some step; "
        what += f"{shown.shape[1]} of {len(self.probabilities)} steps"
        scale = Scale("sequential", 1.0, "probability")
        drawn = heat_map_svg(shown, names, read[:SHOWN], scale=scale, x_label="step", y_label="said")
        return together(caption_html(what), drawn)


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

    def _repr_html_(self) -> str:
        """A notebook's view: what was read, tinted by how sure the model was of what it said there."""
        about = f"{len(self)} steps; layers: {self.trace.layers}; kept: {' '.join(self.trace.names)}"
        if self.choices is None:
            return together(caption_html(about), caption_html(_cut("".join(_spaced(self.read)))))
        if not self.read:
            return together(caption_html(about), self.choices._repr_html_())
        titles = [", ".join(f"{name} {p:.1%}" for name, p in best) for best in self.choices.top()]
        sure = self.choices.probabilities.max(1)
        scale = Scale("sequential", 1.0, "probability of what is said")
        text = tinted_text(_spaced(self.read), sure, about, titles=titles, scale=scale)
        return together(text, self.choices._drawn(self.read))


@dataclass(frozen=True)
class Look:
    """One example as a trained model took it.

    Attributes:
        task: by name, as in `tidegate.train.registry`.
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

    @property
    def answers(self) -> Sequence[str]:
        """What each row of ``attention`` is the answer of; empty where it is one answer, in ``said``."""
        return ()

    def _repr_html_(self) -> str:
        """A notebook's view: what is said and is right, the steps, and where the model looked."""
        rows = [["said", _cut(self.said)], ["right", "not known" if self.truth is None else _cut(self.truth)]]
        parts = [table_html(rows, ("", self.task))]
        for name, steps in self.steps.items():
            parts += [caption_html(f"{name}:"), steps._repr_html_()]
        if self.attention is not None:
            parts += [caption_html("attention:"), self._attention(self.attention[:SHOWN, :SHOWN])]
        return together(*parts)

    def _attention(self, shown: NDArray[np.float32]) -> str:
        read = next(iter(self.steps.values())).read[:SHOWN]
        fits = len(read) == shown.shape[1]  # a captioner's columns are parts of its image
        return heat_map_svg(
            shown,
            self.answers[:SHOWN],
            read if fits else (),
            scale="sequential",
            x_label="looked at",
            y_label="answer",
        )


def _spaced(read: Sequence[str]) -> list[str]:
    """Words with spaces between them, characters without."""
    return [f"{it} " for it in read] if any(len(it) > 1 for it in read) else list(read)


def _cut(said: object) -> str:
    text = str(said)
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text
