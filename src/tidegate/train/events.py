"""What training tells whoever watches it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Why = Literal["budget", "early stopping", "interrupted"]


@dataclass(frozen=True)
class Started:
    """Training begins or goes on.

    Attributes:
        step: 0, or where a resumed run goes on.
        total_steps: after how many steps the budget ends; None if only the clock says.
        steps_per_epoch: steps in one pass over the data.
        parameters: how many numbers are learned.
        prediction_name: what a prediction is ("character").
        baselines: nats per unit of n-gram models on the same validation part.
        split_kind: how the data were split.
        batch_size: streams side by side.
        device: where it runs.
        notes: what was read, and what had to be changed.
        best: best validation of a resumed run so far, in nats per unit.
    """

    step: int
    total_steps: int | None
    steps_per_epoch: int
    parameters: int
    prediction_name: str
    baselines: dict[str, float]
    split_kind: str
    batch_size: int
    device: str
    notes: list[str] = field(default_factory=list)
    best: float | None = None


@dataclass(frozen=True)
class Progressed:
    """Some steps were taken; means are over the steps since the last such event.

    Attributes:
        step: steps taken.
        progress: share of the budget used, 0 to 1.
        epoch: passes over the data, as a fraction.
        nats: mean training loss, nats per unit.
        learning_rate: of the last step.
        gradient_norm: mean, before clipping.
        clipped_share: share of steps whose gradient was clipped.
        sampling_probability: share of positions fed with own predictions.
        predictions_per_second: units learned from per second.
        seconds_left: until the budget ends; None before that can be said.
        elapsed: seconds trained, earlier parts of a resumed run included.
    """

    step: int
    progress: float
    epoch: float
    nats: float
    learning_rate: float
    gradient_norm: float
    clipped_share: float
    sampling_probability: float
    predictions_per_second: float
    seconds_left: float | None
    elapsed: float


@dataclass(frozen=True)
class Validated:
    """The model was measured on the validation part.

    Attributes:
        step: steps taken.
        progress: share of the budget used.
        nats: nats per unit.
        best: whether it is the best so far.
        best_nats: that of the best so far.
        elapsed: seconds trained.
        metrics: what else was measured, by name.
    """

    step: int
    progress: float
    nats: float
    best: bool
    best_nats: float
    elapsed: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sampled:
    """The model wrote something.

    Attributes:
        step: steps taken.
        text: what it wrote; untrusted, as all text.
    """

    step: int
    text: str


@dataclass(frozen=True)
class Finished:
    """Training ended.

    Attributes:
        why: the budget is used up, no improvement, or interrupted (a checkpoint was written).
        step: steps taken.
        nats: best on validation, nats per unit; None without validation.
        elapsed: seconds trained.
        folder: the run folder.
    """

    why: Why
    step: int
    nats: float | None
    elapsed: float
    folder: Path


Event = Started | Progressed | Validated | Sampled | Finished
"""What a training run tells whoever watches it."""


def ignore(event: Event) -> None:
    """Watch nothing."""
