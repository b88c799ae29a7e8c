"""`what_decided`: which steps of an example a decision is due to, by three measures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.buckets import Padded
from tidegate.drawing import caption_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import spaced, together
from tidegate.lens.predictions.attribution_paths import Function, Path, numpy_of
from tidegate.lens.predictions.three_measures import ThreeMeasures
from tidegate.lens.progress import report_progress
from tidegate.lens.tasks.inputs import ExampleLike, PartName, encode_input
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.reasons.decisions import MAX_STEPS, Decisions, Layout
from tidegate.lens.tasks.task_look import ExampleLook, task_look
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.base_task import example_task
from tidegate.tasks.example_batches import Columns
from tidegate.train import Run

CLEARLY = 1.5  # how many times the erasure of any other step that of the one that decided


@dataclass(frozen=True)
class Reasons(ThreeMeasures):
    """How much each of the W steps of an example mattered for a decision, by several measures.

    A positive value means that the step made the target likelier (or the value larger), or, beside another choice, more
    likely than that.

    Attributes:
        read: what each step read, as text; empty where inputs are numbers.
        at: the place of the decision: a step of a tagger or regressor, a token of a translator or captioner, a step to
            come of a forecaster, from 0; 0 for a class.
        places: number of places.
        target: the choice that is meant.
        against: the choice that it is compared with; None for none.
        choices: all choices at that place, the likeliest first, each with p; values of a regressor instead.
        value: log p(target), or log p(target) - log p(against), or the value.
        baseline_value: the same with zeros in place of every input.
        gradient_input: (W,) x_n · d value / d x_n.
        integrated: (W,) integrated gradients; their sum is value - baseline_value + ``residual``.
        erased: (W,) value less the value with zeros in place of that step's input.
        steps: number of gradients that were computed for ``integrated``.
        residual: sum of ``integrated`` less (value - baseline_value).
        complete: whether completeness holds to 1%.
        unit: unit of measure of all of these.
        grid: rows and columns of the regions of an image that the first steps are; None if they are none.
        meaning: a sentence on what is decided, where that needs one.
        start: number of the first of the W steps; not 0 for a place far into a long series, which is attributed to the
            400 steps up to it, after the state that all steps before them left.
    """

    read: tuple[str, ...]
    at: int
    places: int
    target: str
    against: str | None
    choices: tuple[tuple[str, float], ...]
    value: float
    baseline_value: float
    gradient_input: NDArray[np.float64]
    integrated: NDArray[np.float64]
    erased: NDArray[np.float64]
    steps: int
    residual: float
    complete: bool
    unit: str
    grid: tuple[int, int] | None = None
    meaning: str = ""
    start: int = 0

    @property
    def whole(self) -> float:
        """value - baseline_value."""
        return self.value - self.baseline_value

    @property
    def place_of_largest(self) -> int:
        """The step without which the value would be lowest."""
        return int(self.erased.argmax())

    @property
    def deciding_step(self) -> int | None:
        """The one step that decided, if there is one.

        Without it the value falls by at least half as much again as without any other step, and integrated gradients,
        if they are complete, are largest there, too.
        """
        place = self.place_of_largest
        beats = self.erased[place] > 0 and self.erased[place] >= CLEARLY * self.largest_other(place)
        return place if beats and self.complete and int(self.integrated.argmax()) == place else None

    def largest_other(self, place: int) -> float:
        """Return the most that the value loses without a single step other than this one; 0 if it loses nothing."""
        return float(np.delete(self.erased, place).max(initial=0.0))

    def __str__(self) -> str:
        against = "" if self.against is None else f" rather than {self.against!r}"
        return (
            f"{self.target!r}{against} at {self.at}: {self.value:.3f} {self.unit}, {self.baseline_value:.3f} with "
            f"zeros in place of the {len(self.integrated)} inputs; {self.said_of_completeness()}"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: what was read, by the three measures."""
        read = self.read or tuple(str(n) for n in range(len(self.integrated)))
        return together(caption_html(str(self)), *self.tinted(spaced(read), self.unit))


class _Decision(Function):
    """The value of a decision as a function of the inputs (W, B, I)."""

    def __init__(
        self, decisions: Decisions, task: Any, model: Any, columns: Columns, at: int, target: int, against: int | None
    ) -> None:
        self.decisions, self.task, self.model, self.columns = decisions, task, model, columns
        self.at, self.target, self.against = at, target, against

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def __call__(self, inputs: Tensor) -> Tensor:
        made = self.decisions.outputs(self.task, self.model, self.columns, inputs)[:, self.at]
        return made[:, self.target] if self.against is None else made[:, self.target] - made[:, self.against]


def what_decided(
    run: Run,
    given: ExampleLike,
    *,
    at: int = 0,
    target: str | None = None,
    against: str | None = None,
    part: PartName = "validation",
    steps: int = 64,
    limit: int = 2048,
) -> Reasons:
    """Attribute a decision of a classifier, tagger, translator, captioner, forecaster or regressor to what was read.

    x_n is what the recurrent layers read at step n: a word's or character's vector, a frame, or the inputs; of an image
    it is a region. F is log p of a choice (or how much larger it is than that of another one; of taggers with a CRF or
    valid spans p is the marginal), a predicted value, or the median of a step to come, as a function of all x. The
    measures are those of `tidegate.lens.what_mattered`: x_n · dF/dx_n; integrated gradients (Sundararajan, Taly & Yan
    2017) from x' = 0, which sum to F(x) - F(0); and what F loses with zeros in place of x_n alone. Zeros are no word,
    and for frames, images and series the mean of the training part.

    A translator's decision is attributed to the source, a captioner's to the image; the text written before it is the
    same throughout. Of a forecaster only what is not known in advance is varied: values and past covariates.

    Args:
        run: the run.
        given: an example, as in `tidegate.lens.tasks.look_at`.
        at: the step whose tag or value is meant, the token of the text, or the step to come; 0 for a classifier.
        target: the class, tag, token or target that is meant. Default: the likeliest; of values the first target.
        against: the choice that it is compared with: why not this one?
        part: which part ``given`` is a number of.
        steps: number of gradients at first, in parts of 8.
        limit: maximal number of gradients.

    Raises:
        ArgumentError: the task or model does not decide step by step, there is no such example, place or choice, or the
            example is too long.
        DataError: the input does not fit the model.
    """
    look = task_look(run)
    if not isinstance(look, ExampleLook) or look.decisions is None:
        raise ArgumentError(
            f"{run.place} is a run of the task {run.config.task}, which does not say what it decides: its look has no "
            "`decisions` (tidegate.lens.tasks.reasons.decisions). Of language models see what_mattered."
        )
    task: Any = example_task(run.config.task)(run.config.model, run.vocabulary)
    example = encode_input(run, task, look, given, part=part, picture=None)
    seen = look_at(run, given, part=part)
    columns = _written(task, seen, dict(example.columns))
    names, decisions, model = list(look.decisions.choices(task)), look.decisions, run.model
    whole = columns
    columns, start = decisions.window(whole, at)
    if min(steps, limit) < 1:
        raise ArgumentError(f"steps={steps}, limit={limit}: each must be at least 1.")
    with evaluating(model):
        inputs = decisions.inputs(task, model, columns).detach()
        if len(inputs) > MAX_STEPS:
            raise ArgumentError(f"The example has {len(inputs):,} steps, but a decision is attributed to {MAX_STEPS}.")
        with torch.no_grad():
            known = numpy_of(decisions.outputs(task, model, columns, inputs[:, None])[0])
            places = len(known) if columns is whole else whole[task.LENGTH].values.shape[1]
        if not 0 <= at < places:
            raise ArgumentError(f"at={at}: there are {places:,} places, 0 to {places - 1:,}.")
        known = known[at - start]
        number = _number(names, target, int(known.argmax()) if decisions.unit == "nats" else 0)
        other = None if against is None else _number(names, against, 0)
        if other == number:
            raise ArgumentError(f"target and against are both {against!r}: give another choice.")
        function = _Decision(decisions, task, model, columns, at - start, number, other)
        value, gradient = function.gradients(inputs[:, None])
        absent = torch.zeros_like(inputs)
        path = Path(function, absent, inputs)
        report_progress("Integrating gradients", 0.1)
        integrated, used, complete = path.integrate(steps, limit)
        report_progress("Erasing each step", 0.8)
        erased = numpy_of(value)[0] - numpy_of(function.erased(inputs, absent[0]))
    first = next(iter(seen.steps.values()))
    read, grid = Layout(first.read) if decisions.layout is None else decisions.layout(task, columns)
    return Reasons(
        read=read,
        at=at,
        places=places,
        target=names[number],
        against=against,
        choices=_choices(names, known, decisions.unit),
        value=float(value[0]),
        baseline_value=path.first,
        gradient_input=numpy_of((gradient[:, 0] * inputs).sum(-1)),
        integrated=integrated,
        erased=erased,
        steps=used,
        residual=float(integrated.sum()) - (float(value[0]) - path.first),
        complete=complete,
        unit=decisions.unit,
        grid=grid,
        meaning=decisions.meaning(task),
        start=start,
    )


def _written(task: Any, seen: Any, columns: dict[str, Padded]) -> Columns:
    """Return the columns of an example; of a translator with the text that it wrote as "target"."""
    written = getattr(seen, "written", None)
    if written is None:
        return columns
    vocabulary, device = task.preprocessing.vocabulary("target"), next(iter(columns.values())).values.device
    tokens = torch.tensor([[vocabulary.number(it) for it in written]], device=device)
    return columns | {"target": Padded(tokens, torch.tensor([len(written)], device=device))}


def _number(names: list[str], wanted: str | None, default: int) -> int:
    if wanted is None:
        return default
    if wanted not in names:
        raise ArgumentError(f"There is no {wanted!r:.60}: choose one of {', '.join(names[:30])}.")
    return names.index(wanted)


def _choices(names: list[str], values: NDArray[np.float64], unit: str) -> tuple[tuple[str, float], ...]:
    if unit != "nats":
        return tuple(zip(names, values.tolist(), strict=True))
    order = np.argsort(-values, kind="stable")
    return tuple((names[int(n)], float(np.exp(values[n]))) for n in order)
