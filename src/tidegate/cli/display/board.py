"""What is known of a training run so far, gathered from its events; how it looks is `display`'s business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.train import Event

__all__ = ["Board", "Rung", "duration"]


@dataclass(frozen=True)
class Rung:
    """One line of the ladder: the model or a baseline, with its validation loss."""

    name: str
    nats: float
    is_model: bool = False
    beaten: bool = False


@dataclass
class Board:
    """The state of a run's display; `update` takes each event."""

    unit: str = "character"
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
        """Take over what an event says."""
        from tidegate.train import Finished, Progressed, Sampled, Started, Validated

        self.step = event.step
        match event:
            case Started():
                self.unit, self.split_kind, self.device = event.prediction_name, event.split_kind, event.device
                self.parameters, self.total_steps = event.parameters, event.total_steps
                self.baselines, self.best, self.notes = dict(event.baselines), event.best, list(event.notes)
            case Progressed():
                self.progress, self.epoch, self.train = event.progress, event.epoch, event.nats
                self.learning_rate, self.clipped_share = event.learning_rate, event.clipped_share
                self.sampling_probability, self.predictions_per_second = (
                    event.sampling_probability,
                    event.predictions_per_second,
                )
                self.seconds_left = event.seconds_left
            case Validated():
                self.progress, self.validation = event.progress, event.nats
                self.is_best, self.best = event.best, event.best_nats
                self.metrics = dict(event.metrics)
            case Sampled():
                self.sample, self.sample_step = event.text, event.step
            case Finished():
                self.best = event.nats if event.nats is not None else self.best
                self.seconds_left = None

    def ladder(self) -> list[Rung]:
        """The baselines and, once validated, the model: the highest loss first, so the model climbs down."""
        now = self.validation if self.validation is not None else self.best
        rungs = [Rung(name, nats, beaten=now is not None and now < nats) for name, nats in self.baselines.items()]
        if now is not None:
            rungs.append(Rung("this model", now, is_model=True))
        return sorted(rungs, key=lambda rung: -rung.nats)

    def standing(self) -> str:
        """Where the model stands among the baselines, in words."""
        beaten = [rung.name for rung in self.ladder() if rung.beaten]
        ahead = [rung for rung in self.ladder() if not rung.beaten and not rung.is_model]
        parts = [f"below {', '.join(beaten)}"] if beaten else []
        parts += [f"next: {ahead[0].name} {ahead[0].nats:.3f}"] if ahead else []
        return "; ".join(parts)


def duration(seconds: float) -> str:
    """A time span as h:mm:ss or m:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
