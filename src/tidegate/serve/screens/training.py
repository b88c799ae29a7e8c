"""Training: what the run's own record says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tidegate.errors import RunFolderError
from tidegate.lens.session.session import Looked
from tidegate.serve.screens.screen import Question, Screen, rounded

MOST = 2000  # points of a curve: more cannot be seen
SAMPLES = 60


def training(looking: Looked, run: int = 0) -> dict[str, Any]:
    """Loss while training and on the validation part by step, baselines, gradient norms, samples.

    Raises:
        RunFolderError: its record cannot be read, or a line of it was altered.
    """
    one = looking.run_of(run)
    train, validation, samples = [], [], []
    path = one.folder / "metrics.jsonl"
    try:
        whole = path.read_bytes().rpartition(b"\n")[0]  # what follows the last newline is being written
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            record = json.loads(line)
            step = int(record["step"])
            if record["event"] == "train":
                named = ("nats", "gradient_norm", "clipped_share", "learning_rate")
                train.append([step, *(rounded(record[name], 6) for name in named)])
            elif record["event"] == "validation":
                validation.append([step, rounded(record["nats"])])
            elif record["event"] == "sample":
                samples.append([step, str(record["text"])])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise RunFolderError(f"{path}, line {number} was altered: {error}.") from error
    return {
        "train": thinned(train, MOST),
        "validation": thinned(validation, MOST),
        "samples": thinned(samples, SAMPLES),
        "baselines": {name: rounded(value) for name, value in one.config.baselines.items()},
        "unit": one.config.prediction_name,
        "best": None if one.validation is None else [one.step, rounded(one.validation)],
    }


def thinned(rows: list[Any], most: int) -> list[Any]:
    """At most so many of the rows, evenly spread, the last always among them."""
    if len(rows) <= most:
        return rows
    return [rows[round(n * (len(rows) - 1) / (most - 1))] for n in range(most)]


def recorded(looking: Looked) -> Iterator[Question]:
    """Every run's training."""
    for run in range(len(looking.runs)):
        yield "training", {"run": run}


TRAINING = Screen("training", "Training", {"training": training}, recorded=recorded, shown=lambda looking: True)
