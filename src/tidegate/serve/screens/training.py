"""Training: the run's losses, gradient norms and samples by step."""

from collections.abc import Iterator
from typing import Any

from tidegate.lens.session.session import Session
from tidegate.serve.screens.screen import Question, Screen, rounded
from tidegate.train.listing.metrics_table import read_records

MAX_POINTS = 2000  # of a curve: more cannot be seen
MAX_SAMPLES = 60


def training(session: Session, run: int = 0) -> dict[str, Any]:
    """Return training and validation loss by step, baselines, gradient norms and samples.

    Raises:
        RunFolderError: ``metrics.jsonl`` cannot be read, or a line of it was altered.
    """
    one = session.run_number(run)
    train, validation, samples = [], [], []

    def read(record: dict[str, Any]) -> None:
        step = int(record["step"])
        if record["event"] == "train":
            named = ("nats", "gradient_norm", "clipped_share", "learning_rate")
            train.append([step, *(rounded(record[name], 6) for name in named)])
        elif record["event"] == "validation":
            validation.append([step, rounded(record["nats"])])
        elif record["event"] == "sample":
            samples.append([step, str(record["text"])])

    read_records(one.folder, read)
    return {
        "train": evenly_spread(train, MAX_POINTS),
        "validation": evenly_spread(validation, MAX_POINTS),
        "samples": evenly_spread(samples, MAX_SAMPLES),
        "baselines": {name: rounded(value) for name, value in one.config.baselines.items()},
        "loss": one.config.loss_name,
        "best": None if one.validation is None else [one.step, rounded(one.validation)],
    }


def evenly_spread(rows: list[Any], count: int) -> list[Any]:
    """Return at most ``count`` of the rows, evenly spread, including the last."""
    if len(rows) <= count:
        return rows
    return [rows[round(n * (len(rows) - 1) / (count - 1))] for n in range(count)]


def recorded(session: Session) -> Iterator[Question]:
    """Record every run's training."""
    for run in range(len(session.runs)):
        yield "training", {"run": run}


TRAINING = Screen("training", "Training", {"training": training}, recorded=recorded, shown=lambda session: True)
