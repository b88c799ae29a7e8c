"""``training_state.safetensors``: everything needed to resume a run exactly, in one file.

Parameters, the best parameters so far, moments, averages and the carried state are its tensors; step, counters and
digests are a JSON record in its header. One file means one rename: a checkpoint is never half-written, and its
parts never come from different moments. Learning rate and randomness are functions of step and counters, and
have no state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import RunFolderError
from tidegate.io.records import from_record, stored_as, stored_unless, to_record
from tidegate.io.tensor_files import Layout, read_header, read_tensors, write_tensors
from tidegate.io.wording import quoted

NAME = "training_state.safetensors"
KIND, VERSION = "tidegate training state", 2
PARTS = ("model", "optimizer", "average", "best", "carried")


@dataclass
class Counters:
    """The counters of a run.

    Attributes:
        step: optimizer steps taken.
        elapsed: seconds trained.
        best: validation loss of the best checkpoint; None before the first validation.
        best_selection_loss: what it was chosen by, lower is better; None before the first validation.
        best_step: the step of the best checkpoint.
        without_best: validations in a row without improvement.
        metrics_bytes: length of metrics.jsonl.
        loss: sum of losses since the last report.
        predictions: number of predictions since the last report.
        steps: steps taken since the last report.
        norm: sum of gradient norms since the last report.
        clipped: steps since the last report whose gradient was clipped.
        validated: the step of the last validation; -1 before the first.
        decays: how often the schedule "plateau" has divided the learning rate.
        finished: the stopping reason; None while the run goes on.
    """

    step: int = 0
    elapsed: float = 0.0
    best: float | None = None
    best_selection_loss: float | None = field(default=None, metadata=stored_as("criterion"))
    best_step: int = 0
    without_best: int = field(default=0, metadata=stored_as("bad"))
    metrics_bytes: int = 0
    loss: float = 0.0
    predictions: int = field(default=0, metadata=stored_as("units"))
    steps: int = 0
    norm: float = 0.0
    clipped: int = 0
    validated: int = -1
    finished: str | None = None
    decays: int = field(default=0, metadata=stored_unless(0))

    def __post_init__(self) -> None:
        counts = (
            self.step,
            self.best_step,
            self.without_best,
            self.metrics_bytes,
            self.predictions,
            self.steps,
            self.clipped,
            self.decays,
        )
        if min(*counts, self.validated + 1) < 0 or self.elapsed < 0 or max(self.best_step, self.validated) > self.step:
            raise RunFolderError(f"{NAME}: a counter is out of range: the file was altered.")


@dataclass
class Checkpoint:
    """The state of a run at one step.

    Attributes:
        config: digest of the settings.
        data: digest of the data.
        world: number of processes.
        counters: the counters.
        scaler: state of the fp16 gradient scaler.
        tensors: for each of model, optimizer, average, best and carried, tensors by name; those carried have a first
            dimension of ``world``.
    """

    config: str
    data: str
    world: int
    counters: Counters
    scaler: dict[str, Any] | None
    tensors: Mapping[str, Mapping[str, Tensor]]

    __repr__ = brief_repr


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint atomically."""
    tensors = {f"{part}.{name}": it for part in PARTS for name, it in checkpoint.tensors[part].items()}
    record = {
        "format": KIND,
        "version": VERSION,
        "config": checkpoint.config,
        "data": checkpoint.data,
        "world": checkpoint.world,
        "counters": to_record(checkpoint.counters),
        "scaler": checkpoint.scaler,
    }
    write_tensors(folder / NAME, tensors, record)


def read_checkpoint(
    folder: Path,
    model: Layout,
    moments: Layout,
    average: tuple[Layout, Layout],
    carried: Layout,
    *,
    config: str,
    data: str,
    world: int,
) -> Checkpoint:
    """Read a folder's checkpoint and check everything in it.

    Args:
        folder: the run folder.
        model: dtype and shape of each parameter.
        moments: dtype and shape of each tensor of the optimizer.
        average: those of the averages before and after they begin, see `tidegate.train.optimization.averaging`.
        carried: dtype and shape of each tensor one process carries.
        config: digest of the run folder's settings.
        data: digest of the run folder's data.
        world: number of processes that resume.

    Returns:
        The checkpoint.

    Raises:
        RunFolderError: the file is missing, truncated, foreign or altered, or belongs to other settings, data or
            another number of processes.
    """
    path = folder / NAME
    record, layout = read_header(path, KIND, VERSION)
    counters = from_record(Counters, record.get("counters"), path, "counters")
    for name, value, what in (("config", config, "settings"), ("data", data, "data")):
        if record.get(name) != value:
            raise RunFolderError(
                f"{path} belongs to other {what} than those in {folder}, which were changed since the run began: put "
                "the old files back, or start a new run."
            )
    if record.get("world") != world:
        raise RunFolderError(
            f"{path} was written by {quoted(record.get('world'), 20)} processes, but {world} would go on: start as "
            "many as before."
        )
    tensors = read_tensors(path, record, layout, _expected(layout, counters, model, moments, average, carried, world))
    scaler = record.get("scaler")
    parts = {part: _part(tensors, part) for part in PARTS}
    return Checkpoint(config, data, world, counters, scaler if isinstance(scaler, dict) else None, parts)


def _expected(
    layout: Layout,
    counters: Counters,
    model: Layout,
    moments: Layout,
    average: tuple[Layout, Layout],
    carried: Layout,
    world: int,
) -> Layout:
    expected = {f"model.{name}": entry for name, entry in model.items()}
    if counters.best is not None:
        expected |= {f"best.{name}": entry for name, entry in model.items()}
    # No moments before the first step; with fp16 the first steps may all have been left out.
    if any(name.startswith("optimizer.") for name in layout):
        expected |= {f"optimizer.{name}": entry for name, entry in moments.items()}
    begun = any(name.startswith("average.mean.") for name in layout)
    expected |= {f"average.{name}": entry for name, entry in average[begun].items()}
    return expected | {f"carried.{name}": (dtype, (world, *shape)) for name, (dtype, shape) in carried.items()}


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(part + "."): it for name, it in tensors.items() if name.startswith(part + ".")}
