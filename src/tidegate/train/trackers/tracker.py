"""What all trackers have in common: the protocol, and the names of the values."""

from pathlib import Path
from typing import Any, Protocol

from tidegate.train.events import Event, Progressed, Validated

TRACKER_NAMES = ("tensorboard", "wandb")
PROGRESS = (
    "loss",
    "epoch",
    "learning_rate",
    "gradient_norm",
    "clipped_share",
    "sampling_probability",
    "predictions_per_second",
)


class Tracker(Protocol):
    """Takes the values of one run."""

    def begin(self, folder: Path, step: int, settings: dict[str, Any], known: dict[str, str]) -> str:
        """Begin a log, or go on with that of a resumed run.

        Args:
            folder: the run folder.
            step: 0, or the step of the checkpoint: what was logged later is replaced.
            settings: of the run, as in ``config.json``.
            known: what the tracker must remember to find its log again, kept with the run; empty at first.

        Returns:
            Where the log is, for the user.
        """
        ...

    def log(self, step: int, values: dict[str, float]) -> None:
        """Take values by name."""
        ...

    def end(self, *, completed: bool) -> None:
        """Close the log; ``completed`` is False after an error."""
        ...


def values_of(event: Event) -> dict[str, float]:
    """Return the values of an event under the names that ``tidegate runs --csv`` has, after its part of the data."""
    if isinstance(event, Progressed):
        return {f"train/{name}": getattr(event, name) for name in PROGRESS}
    if isinstance(event, Validated):
        return {f"validation/{name}": value for name, value in {"loss": event.loss, **event.metrics}.items()}
    return {}
