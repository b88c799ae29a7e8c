"""``tidegate train TASK --dry-run``: what would be trained, how large it is, and about how long it takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.cli.display.board import duration
from tidegate.cli.run_and_show import title

if TYPE_CHECKING:
    from tidegate.train import Event, Started, TrainConfig
    from tidegate.train.task import Data, Task

__all__ = ["dry_run"]

STEPS = 12  # that are timed, the first left out


class _EnoughError(Exception):
    """Ends the training when there are enough steps."""


def dry_run(
    task: type[Task], folder: Path, prepare: Callable[[Path], Data], config: Any, budget: Callable[[Data], TrainConfig]
) -> str:
    """Read the data, take some steps in a temporary folder, and describe the run.

    Args:
        task: the task.
        folder: where the run would be.
        prepare: writes the data to a folder, as for `tidegate.train.new_run`.
        config: the model config.
        budget: returns the training settings for the data.

    Raises:
        DataError: the data are not what the task reads.
        ArgumentError: the settings do not fit the data.
    """
    from tidegate.train import Progressed, Started, holds_run, new_run, train

    times: list[float] = []
    begun: list[Started] = []

    def see(event: Event) -> None:
        if isinstance(event, Started):
            begun.append(event)
        elif isinstance(event, Progressed):
            times.append(time.monotonic())
            if len(times) > STEPS:
                raise _EnoughError

    with tempfile.TemporaryDirectory(prefix="tidegate-") as temporary:
        inside = Path(temporary, "run")
        data = new_run(inside, prepare, task=task.name)
        training = budget(data)
        with suppress(_EnoughError):
            train(inside, data, config, replace(training, report_every=1), task=task.name, report=see)
    started, gaps = begun[0], [after - before for before, after in pairwise(times)]
    lines = [f"{title(folder, config)}: {started.parameters:,} parameters on {started.device}", *started.notes]
    lines.append(_length(training, started, statistics.median(gaps) if gaps else None))
    if holds_run(folder):
        lines.append(f"{folder} already holds a run: it needs --overwrite, or another --out.")
    return "\n".join([*lines, "Nothing was written."])


def _length(training: TrainConfig, started: Started, seconds: float | None) -> str:
    """Describe the budget in steps and minutes, as far as the time of a step tells."""
    per_epoch = f"{started.steps_per_epoch:,} steps an epoch"
    each = "" if seconds is None else f", {1000 * seconds:.3g} ms each without validation"
    if started.total_steps is None:
        about = "" if seconds is None or training.minutes is None else f", about {60 * training.minutes / seconds:,.0f}"
        return f"{training.minutes:g} minutes{about} steps{each}; {per_epoch}"
    time_left = "" if seconds is None else f", about {duration(max(1, seconds * started.total_steps))}"
    limit = "" if training.minutes is None else f", or {training.minutes:g} minutes if these end first"
    return f"{started.total_steps:,} steps{time_left}{each}{limit}; {per_epoch}"
