"""The events that training reports."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

StoppingReason = Literal["budget", "early stopping", "interrupted"]


@dataclass(frozen=True)
class Started:
    """Training begins or goes on.

    Attributes:
        step: 0, or the step of a resumed run.
        total_steps: steps in the budget; None if it is in minutes only.
        steps_per_epoch: steps in one pass over the data.
        parameters: number of parameters.
        prediction_name: name of a prediction ("character").
        loss_name: what the losses are ("nats per character").
        baselines: losses of baselines on the same validation part.
        split_kind: how the data were split.
        batch_size: streams or examples side by side.
        device: the device.
        notes: what was read, and which settings had to be changed.
        best: lowest validation loss so far, of a resumed run.
    """

    step: int
    total_steps: int | None
    steps_per_epoch: int
    parameters: int
    prediction_name: str
    loss_name: str
    baselines: dict[str, float]
    split_kind: str
    batch_size: int
    device: str
    notes: list[str] = field(default_factory=list)
    best: float | None = None


@dataclass(frozen=True)
class Progressed:
    """Some steps were taken. Means are over the steps since the last such event.

    Attributes:
        step: steps taken.
        progress: fraction of the budget used, 0 to 1.
        epoch: passes over the data, as a fraction.
        loss: mean training loss per prediction.
        learning_rate: of the last step.
        gradient_norm: mean, before clipping.
        clipped_share: fraction of steps whose gradient was clipped.
        sampling_probability: probability that a step is fed the model's own prediction.
        predictions_per_second: speed of training.
        seconds_left: estimated time until the budget ends; None before there is an estimate.
        elapsed: seconds trained, earlier parts of a resumed run included.
    """

    step: int
    progress: float
    epoch: float
    loss: float
    learning_rate: float
    gradient_norm: float
    clipped_share: float
    sampling_probability: float
    predictions_per_second: float
    seconds_left: float | None
    elapsed: float


@dataclass(frozen=True)
class Validated:
    """The model was evaluated on the validation part.

    Attributes:
        step: steps taken.
        progress: fraction of the budget used.
        loss: mean loss per prediction.
        best: whether this is the best checkpoint so far.
        best_loss: loss of the best checkpoint so far.
        elapsed: seconds trained.
        metrics: other metrics by name.
    """

    step: int
    progress: float
    loss: float
    best: bool
    best_loss: float
    elapsed: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sampled:
    """The model wrote a sample.

    Attributes:
        step: steps taken.
        text: the sample; untrusted, like all text.
    """

    step: int
    text: str


@dataclass(frozen=True)
class Finished:
    """Training ended.

    Attributes:
        reason: the stopping reason: the budget is used up, early stopping, or interrupted (a checkpoint was written).
        step: steps taken.
        best_loss: validation loss of the best checkpoint; None without validation.
        elapsed: seconds trained.
        folder: the run folder.
    """

    reason: StoppingReason
    step: int
    best_loss: float | None
    elapsed: float
    folder: Path


Event = Started | Progressed | Validated | Sampled | Finished
"""Any event of a training run."""


def ignore(event: Event) -> None:
    """Do nothing with an event."""
