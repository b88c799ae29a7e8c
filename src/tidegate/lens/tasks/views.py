"""Results of looking at one example: the sequences that recurrent layers read, and the predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import Scale, caption_html, heat_map_svg, table_html
from tidegate.drawing.brief import brief_repr
from tidegate.drawing.charted import Charted
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import spaced, tinted_text, together
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks.pictures import Frames

SHOWN = 256  # steps of a heat map in a notebook's view
LIKELIEST = 12  # labels there
LONGEST = 400  # characters of a prediction there


@dataclass(frozen=True)
class Choices(Charted):
    """Probabilities of C labels after each of T steps.

    Attributes:
        labels: the C labels.
        probabilities: (T, C) float32; each row sums to 1.
    """

    labels: Sequence[str]
    probabilities: NDArray[np.float32]

    __repr__ = brief_repr

    @property
    def best(self) -> list[str]:
        """The likeliest label after each step."""
        return [self.labels[int(n)] for n in self.probabilities.argmax(1)]

    def top(self, count: int = 3) -> list[list[tuple[str, float]]]:
        """Return the likeliest labels after each step with their probabilities, the likeliest first.

        Args:
            count: how many, at least 1; all if there are fewer.

        Raises:
            ArgumentError: the count is not positive.
        """
        if count < 1:
            raise ArgumentError(f"count is {count}: give at least 1.")
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return [
            [(self.labels[int(n)], float(row[n])) for n in best]
            for row, best in zip(self.probabilities, order, strict=True)
        ]

    def _repr_html_(self) -> str:
        """Notebook view: the probabilities of the likeliest labels, step by step."""
        return self.view(())

    def view(self, read: Sequence[str]) -> str:
        """Return the notebook view with the inputs of the steps below."""
        count, steps = len(self.labels), len(self.probabilities)
        caption = f"The {min(LIKELIEST, count)} likeliest of {count} labels at any step; "
        return together(caption_html(f"{caption}{min(SHOWN, steps)} of {steps} steps"), self.heat_map(read))

    def _charts(self) -> list[str]:
        return [self.heat_map(())]

    def heat_map(self, read: Sequence[str]) -> str:
        """Return the probabilities of the labels that are likeliest at any step as an SVG element."""
        rows = np.argsort(-self.probabilities.max(0), kind="stable")[:LIKELIEST]
        shown, names = self.probabilities[:SHOWN, rows].T, [self.labels[int(n)] for n in rows]
        scale = Scale("sequential", 1.0, "probability")
        return heat_map_svg(shown, names, read[:SHOWN], scale=scale, x_label="step", y_label="label")


@dataclass(frozen=True)
class Steps(Charted):
    """A sequence of T steps that recurrent layers read.

    Attributes:
        read: the input of each step as text; empty where inputs are numbers, which are in ``frames``.
        trace: gates and states of all layers and directions after each step.
        frames: inputs that are numbers, as pictures.
        choices: the model's probabilities after each step, if it predicts something there.
    """

    read: tuple[str, ...]
    trace: Trace
    frames: Frames | None = None
    choices: Choices | None = None

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.trace)

    def _charts(self) -> list[str]:
        return self.trace._charts() if self.choices is None else [self.choices.heat_map(self.read)]

    def _repr_html_(self) -> str:
        """Notebook view: the inputs, tinted by the probability of the likeliest label at each step."""
        about = f"{len(self)} steps; layers: {self.trace.layers}; recorded: {' '.join(self.trace.names)}"
        if self.choices is None:
            return together(caption_html(about), caption_html(_cut("".join(spaced(self.read)))))
        if not self.read:
            return together(caption_html(about), self.choices._repr_html_())
        titles = [", ".join(f"{name} {p:.1%}" for name, p in best) for best in self.choices.top()]
        sure = self.choices.probabilities.max(1)
        scale = Scale("sequential", 1.0, "probability of the likeliest label")
        text = tinted_text(spaced(self.read), sure, about, titles=titles, scale=scale)
        return together(text, self.choices.view(self.read))


@dataclass(frozen=True)
class Look(Charted):
    """What a trained model did with one example.

    Attributes:
        task: name of the task.
        steps: the sequences that recurrent layers read, by name, in order: "input", or "source" and "target".
        prediction: what ``tidegate predict --json`` prints.
        truth: the correct answer in the form of the prediction; None if it is not known.
        attention: (R, S) attention weights of each of R outputs (the tokens of a text, or one class) over the S steps
            of the first sequence; each row sums to 1. None if the model has no attention.
    """

    task: str
    steps: Mapping[str, Steps]
    prediction: Mapping[str, Any]
    truth: Any
    attention: NDArray[np.float32] | None

    __repr__ = brief_repr

    @property
    def outputs(self) -> Sequence[str]:
        """The outputs that the rows of ``attention`` belong to; empty if the one output is the prediction."""
        return ()

    def _repr_html_(self) -> str:
        """Notebook view: prediction and truth, the steps, and the attention."""
        rows = [["predicted", _cut(self.prediction)], ["true", "not known" if self.truth is None else _cut(self.truth)]]
        parts = [table_html(rows, ("", self.task))]
        for name, steps in self.steps.items():
            parts += [caption_html(f"{name}:"), steps._repr_html_()]
        if self.attention is not None:
            parts += [caption_html("attention:"), self._attention(self.attention[:SHOWN, :SHOWN])]
        return together(*parts)

    def _charts(self) -> list[str]:
        charts = [chart for steps in self.steps.values() for chart in steps._charts()]
        return charts if self.attention is None else [*charts, self._attention(self.attention[:SHOWN, :SHOWN])]

    def _attention(self, shown: NDArray[np.float32]) -> str:
        read = next(iter(self.steps.values())).read[:SHOWN]
        fits = len(read) == shown.shape[1]  # a captioner's columns are parts of its image
        return heat_map_svg(
            shown,
            self.outputs[:SHOWN],
            read if fits else (),
            scale="sequential",
            x_label="attended to",
            y_label="output",
        )


def _cut(value: object) -> str:
    text = str(value)
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text
