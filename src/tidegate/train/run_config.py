"""``config.json``: the settings of a run."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.cells import CELLS, get_cell
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, RunFolderError
from tidegate.io.files import field, read_json, write_json
from tidegate.io.records import from_record, stored_as, stored_unless, to_record
from tidegate.io.tensor_files import sync_folder
from tidegate.io.wording import quoted
from tidegate.train.config import BUDGET, TrainConfig
from tidegate.train.registry import task_named

NAME, KIND, VERSION = "config.json", "tidegate run", 2


@dataclass(frozen=True)
class RunConfig:
    """The contents of ``config.json``.

    Attributes:
        task: name of the task.
        model: the model config.
        train: the training settings.
        prediction_name: name of a prediction ("character").
        baselines: losses of baselines on the validation part.
        split_kind: how the data were split.
        data_digest: digest of the data and their vocabulary.
        notes: what was read, and which settings had to be changed.
        cell_digest: digest of the equations, if the cell is not built in.
        loss_unit: what the loss is measured in, if not in nats.
        data_options: what was read and how, as plain values by the names of the options; None if it was not recorded.
    """

    task: str
    model: Any
    train: TrainConfig
    prediction_name: str = dataclasses.field(metadata=stored_as("unit"))
    baselines: dict[str, float]
    split_kind: str
    data_digest: str
    notes: list[str]
    cell_digest: str | None = dataclasses.field(default=None, metadata=stored_unless(None))
    loss_unit: str | None = dataclasses.field(default=None, metadata=stored_unless(None))
    data_options: dict[str, Any] | None = dataclasses.field(default=None, metadata=stored_unless(None))

    __repr__ = brief_repr

    @property
    def loss_name(self) -> str:
        """What the loss is, as in "nats per character"."""
        return f"{self.loss_unit or 'nats'} per {self.prediction_name}"

    def digest(self) -> str:
        """Return the SHA-256 of everything but the budget, which may be raised later."""
        record = to_record(self)
        record["train"] = {name: value for name, value in record["train"].items() if name not in BUDGET}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def holds_run(folder: str | Path) -> bool:
    """Whether a folder holds a run: its ``config.json`` is written last."""
    return (Path(folder) / NAME).exists()


def write_config(folder: Path, config: RunConfig) -> None:
    """Write ``config.json``: from now on the folder holds a run."""
    head = {"format": KIND, "version": VERSION, "tidegate": __version__}
    write_json(folder / NAME, head | to_record(config))
    sync_folder(folder)


def read_config(folder: str | Path) -> RunConfig:
    """Read ``config.json``.

    Raises:
        RunFolderError: it is missing, truncated, foreign or altered, or needs a task or cell that is not registered.
    """
    path = Path(folder) / NAME
    if not Path(folder).exists():
        raise RunFolderError(f"{folder} does not exist: give the folder of a run; tidegate runs lists them.")
    if not path.exists():
        raise RunFolderError(f"{folder} holds no run: there is no {NAME} in it.")
    record = read_json(path, format=KIND, version=VERSION)
    baselines, notes = field(record, path, "baselines", dict), field(record, path, "notes", list)
    if not all(type(value) is float and math.isfinite(value) for value in baselines.values()):
        raise RunFolderError(f"{path}: 'baselines' should be numbers by name: the file was altered.")
    if not all(type(line) is str for line in notes):
        raise RunFolderError(f"{path}: 'notes' should be lines of text: the file was altered.")
    task = field(record, path, "task", str)
    try:
        kind = task_named(task)
    except ArgumentError as error:
        raise RunFolderError(f"{path}: {error}") from error
    model = from_record(kind.Config, record.get("model"), path, "model")
    return RunConfig(
        task=task,
        model=model,
        train=from_record(TrainConfig, record.get("train"), path, "train"),
        prediction_name=field(record, path, "unit", str),
        baselines=baselines,
        split_kind=field(record, path, "split_kind", str),
        data_digest=field(record, path, "data_digest", str),
        notes=notes,
        cell_digest=_checked_digest(model, record, path),
        loss_unit=field(record, path, "loss_unit", str) if "loss_unit" in record else None,
        data_options=field(record, path, "data_options", dict) if "data_options" in record else None,
    )


def own_cell_digest(model: Any) -> str | None:
    """Return the digest of the equations of a model's cell; None if the cell is built in."""
    cell = getattr(model, "cell", None)
    return None if cell is None or cell in CELLS else get_cell(cell).digest


def _checked_digest(model: Any, record: dict[str, Any], path: Path) -> str | None:
    digest = field(record, path, "cell_digest", str) if "cell_digest" in record else None
    if digest != own_cell_digest(model):
        raise RunFolderError(
            f"{path}: the cell {quoted(model.cell)} has other equations now than when this run began: load the cell it "
            "was trained with (--cell my_cells.py:NAME), or start a new run."
        )
    return digest
