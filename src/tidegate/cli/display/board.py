"""The state of a training run's display, gathered from its events; `live` renders it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.train import Event

__all__ = ["Board", "Rung", "duration"]


@dataclass(frozen=True)
class Rung:
    """A line of the ranking: the model or a baseline, with its validation loss."""

    name: str
    loss: float
    is_model: bool = False
    beaten: bool = False


@dataclass
class Board:
    """The state of a run's display; `update` takes each event."""

    prediction_name: str = "character"
    loss_name: str = "nats per character"
    split_kind: str = ""
    parameters: int = 0
    device: str = ""
    notes: list[str] = field(default_factory=list)
    baselines: dict[str, float] = field(default_factory=dict)
    step: int = 0
    total_steps: int | None = None
    progress: float = 0.0
    epoch: float = 0.0
    train: float | None = None
    validation: float | None = None
    best: float | None = None
    is_best: bool = False
    metrics: dict[str, float] = field(default_factory=dict)
    learning_rate: float | None = None
    clipped_share: float | None = None
    sampling_probability: float = 0.0
    predictions_per_second: float | None = None
    seconds_left: float | None = None
    sample: str = ""
    sample_step: int = 0

    def update(self, event: Event) -> None:
        """Update the state with an event."""
        from tidegate.train import Finished, Progressed, Sampled, Started, Validated

        self.step = event.step
        match event:
            case Started():
                self.prediction_name, self.split_kind = event.prediction_name, event.split_kind
                self.loss_name = event.loss_name
                self.device = event.device
                self.parameters, self.total_steps = event.parameters, event.total_steps
                self.baselines, self.best, self.notes = dict(event.baselines), event.best, list(event.notes)
            case Progressed():
                self.progress, self.epoch, self.train = event.progress, event.epoch, event.loss
                self.learning_rate, self.clipped_share = event.learning_rate, event.clipped_share
                self.sampling_probability, self.predictions_per_second = (
                    event.sampling_probability,
                    event.predictions_per_second,
                )
                self.seconds_left = event.seconds_left
            case Validated():
                self.progress, self.validation = event.progress, event.loss
                self.is_best, self.best = event.best, event.best_loss
                self.metrics = dict(event.metrics)
            case Sampled():
                self.sample, self.sample_step = event.text, event.step
            case Finished():
                self.best = event.best_loss if event.best_loss is not None else self.best
                self.seconds_left = None

    def ladder(self) -> list[Rung]:
        """Rank the baselines and, once validated, the model: the highest loss first."""
        now = self.validation if self.validation is not None else self.best
        rungs = [Rung(name, loss, beaten=now is not None and now < loss) for name, loss in self.baselines.items()]
        if now is not None:
            rungs.append(Rung("this model", now, is_model=True))
        return sorted(rungs, key=lambda rung: -rung.loss)

    def rank(self) -> str:
        """Describe the model's place among the baselines."""
        beaten = [rung.name for rung in self.ladder() if rung.beaten]
        ahead = [rung for rung in self.ladder() if not rung.beaten and not rung.is_model]
        parts = [f"below {', '.join(beaten)}"] if beaten else []
        parts += [f"next: {ahead[0].name} {figure(ahead[0].loss)}"] if ahead else []
        return "; ".join(parts)


def figure(value: float) -> str:
    """Format a loss or a metric: three decimals, or as many as three significant digits need."""
    return f"{value:.3f}" if value == 0 or 0.1 <= abs(value) < 1e6 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Format a time span as h:mm:ss or m:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
