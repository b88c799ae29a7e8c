"""Runs in a folder, each summarised from its small files and headers: without torch, and without its cell or task."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from tidegate.errors import RunFolderError
from tidegate.io.files import field, read_json
from tidegate.io.wording import quoted
from tidegate.train.config import TrainConfig

# As in `tidegate.train.run_folder`, whose modules import torch; a test holds them together.
CONFIG, CONFIG_KIND, CONFIG_VERSION = "config.json", "tidegate run", 2
MODEL, STATE, METRICS = "model.safetensors", "training_state.safetensors", "metrics.jsonl"
DEPTH = 3  # folders between the one that is searched and a run
_NAMES: dict[str, str] = {
    it.metadata["key"]: it.name for it in fields(TrainConfig) if "key" in it.metadata
}  # of settings, by keys
STATES = {"budget": "finished", "early stopping": "stopped early"}


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs says about one.

    Attributes:
        folder: the run folder.
        task: name of the task.
        cell: name of the cell.
        layers: hidden units of each layer, such as "256" or "2 x 256".
        parameters: number of parameters.
        loss: validation loss of the best checkpoint; None without validation.
        loss_name: what it is, as in "nats per character".
        best_step: step of that checkpoint, which ``model.safetensors`` holds.
        step: optimizer steps taken.
        seconds: time trained; None where the run was copied without its training state.
        state: "finished", "stopped early" (by patience), "unfinished" (it is training, or was interrupted), or "model
            only" (copied without its training state).
        written: when the run was last written to.
        settings: all settings as they stand in ``config.json``, by "model" and "train".
        baselines: losses of baselines.
        data: what was read and how, by the names of the options; None if it was not recorded.
    """

    folder: Path
    task: str
    cell: str
    layers: str
    parameters: int
    loss: float | None
    loss_name: str
    best_step: int
    step: int
    seconds: float | None
    state: str
    written: datetime
    settings: dict[str, dict[str, Any]]
    baselines: dict[str, float]
    data: dict[str, Any] | None


def find_runs(folder: Path) -> Iterator[Path]:
    """Find the run folders in a folder, or the folder itself if it is one, by name.

    Raises:
        RunFolderError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise RunFolderError(f"{folder} {what}: give a run, or a folder of runs.")
    patterns = ["*/" * depth + CONFIG for depth in range(DEPTH + 1)]
    found = sorted(path.parent for pattern in patterns for path in folder.glob(pattern))
    if not found:
        raise RunFolderError(f"{folder} holds no run: there is no {CONFIG} in it or in its folders.")
    yield from [folder] if folder in found else found


def summarise(folder: Path) -> RunSummary:
    """Summarise a run; its cell and task may be ones that are not loaded.

    Raises:
        RunFolderError: a file is missing, truncated, foreign or altered.
    """
    path = folder / CONFIG
    record = read_json(path, format=CONFIG_KIND, version=CONFIG_VERSION)
    try:
        json.dumps(record, allow_nan=False)
    except ValueError as error:
        raise RunFolderError(f"{path} holds a number that is nan or infinite: the file was altered.") from error
    model, train = field(record, path, "model", dict), field(record, path, "train", dict)
    baselines = field(record, path, "baselines", dict)
    if not all(type(value) is float for value in baselines.values()):
        raise RunFolderError(f"{path}: 'baselines' should be numbers by name: the file was altered.")
    about, parameters = _header(folder / MODEL, "tidegate model")
    loss = about.get("validation")
    if not (loss is None or (type(loss) is float and math.isfinite(loss))):
        raise RunFolderError(f"{folder / MODEL}: 'validation' should be a loss, but is {quoted(loss)}: it was altered.")
    best_step = field(about, folder / MODEL, "step", int)
    step, seconds, state, files = best_step, None, "model only", [path, folder / MODEL]
    if (at := folder / STATE).exists():
        counters = field(_header(at, "tidegate training state")[0], at, "counters", dict)
        step, seconds = field(counters, at, "step", int), field(counters, at, "elapsed", float)
        if not 0 <= seconds < 1e12:
            raise RunFolderError(f"{at}: 'elapsed' should be seconds, but is {seconds}: the file was altered.")
        finished = counters.get("finished")
        state = STATES.get(finished, "unfinished") if isinstance(finished, str) else "unfinished"
        files.append(at)
    unit = record.get("loss_unit", "nats")
    return RunSummary(
        folder=folder,
        task=field(record, path, "task", str),
        cell=str(model.get("cell", "")),
        layers=_layers(model),
        parameters=parameters,
        loss=loss,
        loss_name=f"{unit} per {field(record, path, 'unit', str)}",
        best_step=best_step,
        step=step,
        seconds=seconds,
        state=state,
        written=datetime.fromtimestamp(max(it.stat().st_mtime for it in files)),
        settings={"model": model, "train": _by_name(train)},
        baselines=baselines,
        data=_data_options(record, path) if "data_options" in record else None,
    )


def _data_options(record: dict[str, Any], path: Path) -> dict[str, Any]:
    found = field(record, path, "data_options", dict)
    for name, value in found.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(it, str | int | float) for it in values):
            raise RunFolderError(f"{path}: {quoted(name)} of 'data_options' is {quoted(value)}: the file was altered.")
    return found


def _by_name(record: dict[str, Any]) -> dict[str, Any]:
    """Return training settings by their names, which may have changed, instead of by their keys in files."""
    names = {it.metadata.get("key", it.name): it.name for it in fields(TrainConfig)}
    return {names.get(key, key): value for key, value in record.items()}


def _layers(model: dict[str, Any]) -> str:
    if sizes := model.get("layer_sizes"):
        return str(sizes).replace(",", ", ")
    count, size = model.get("num_layers"), model.get("hidden_size")
    return f"{size}" if count == 1 else f"{count} x {size}"


def _header(path: Path, kind: str) -> tuple[dict[str, Any], int]:
    """Return the record in the header of a file of tensors, and how many numbers it holds."""
    if not path.is_file():
        raise RunFolderError(f"{path} is missing: {path.parent} is not a whole run folder.")
    try:
        with safe_open(path, "np") as file:
            record = json.loads((file.metadata() or {}).get("tidegate", ""))
            numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is not a whole file of tensors ({error}): truncated or altered.") from error
    if not isinstance(record, dict) or record.get("format") != kind:
        raise RunFolderError(f"{path} does not say that it is a {kind!r} file: another program wrote it.")
    return record, numbers
