"""A run is one folder, complete in itself.

::

    config.json                   settings, baselines, digest of the data; replaced only when the budget is raised
    model.safetensors             the best model on validation; the last one before the first validation or without any
    vocabulary.json               or tokenizer.json
    corpus.npy, corpus.json       the encoded text; of other tasks than "lm", examples/ and examples.json instead
    metrics.jsonl                 one line per report, validation and sample
    training_state.safetensors    what `resume` needs

Nothing in it is executed or unpickled by reading it, and no size it claims is believed before the file bears it out.
"""

import dataclasses
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import Tensor, nn

from tidegate import __version__
from tidegate.data.columns import FOLDER as EXAMPLES
from tidegate.errors import ArgumentError, RunFolderError
from tidegate.io.files import field, read_json, write_json
from tidegate.io.tensor_files import (
    Layout,
    check_layout,
    layout_of,
    read_header,
    read_tensors,
    sync_folder,
    write_tensors,
)
from tidegate.train import checkpoint, metrics
from tidegate.train.config import BUDGET, TrainConfig
from tidegate.train.distributed import main_first
from tidegate.train.randomness import own_randomness
from tidegate.train.records import from_record, stored_as, to_record
from tidegate.train.registry import task_named
from tidegate.train.task import Data

if TYPE_CHECKING:
    from tidegate.text import Corpus, Tokenizer

D = TypeVar("D", bound=Data)
CONFIG, CONFIG_KIND, CONFIG_VERSION = "config.json", "tidegate run", 2
MODEL, MODEL_KIND, MODEL_VERSION = "model.safetensors", "tidegate model", 1
OWN_FILES = (
    CONFIG,
    checkpoint.NAME,
    MODEL,
    metrics.NAME,
    "corpus.json",
    "corpus.npy",
    "vocabulary.json",
    "tokenizer.json",
    "examples.json",
)


@dataclass(frozen=True)
class RunConfig:
    """What ``config.json`` says.

    Attributes:
        task: what is learned, by name.
        model: the model's make.
        train: how it is trained.
        prediction_name: what a prediction is ("character").
        baselines: nats per unit of what needs no network, on the validation part.
        split_kind: how the data were split.
        data_digest: digest of the data and their vocabulary.
        notes: what was read, and what had to be changed.
    """

    task: str
    model: Any
    train: TrainConfig
    prediction_name: str = dataclasses.field(metadata=stored_as("unit"))
    baselines: dict[str, float]
    split_kind: str
    data_digest: str
    notes: list[str]

    def digest(self) -> str:
        """SHA-256 over everything but the budget, which may be raised later."""
        record = to_record(self)
        record["train"] = {name: value for name, value in record["train"].items() if name not in BUDGET}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def holds_run(folder: Path) -> bool:
    """Whether a folder holds a run: its ``config.json`` is written after all else."""
    return (Path(folder) / CONFIG).exists()


def claim_folder(folder: Path, *, overwrite: bool = False) -> Path:
    """Make sure that a new run may be put in a folder.

    Args:
        folder: made if it is not there.
        overwrite: remove the files of a run that is there; other files stay.

    Returns:
        The folder.

    Raises:
        RunFolderError: it holds a run and ``overwrite`` is not set, or it is not a folder.
    """
    folder = Path(folder)
    _check_free(folder, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for name in OWN_FILES:  # config.json first: without it there is no run
        (folder / name).unlink(missing_ok=True)
        (folder / f"{name}.partial").unlink(missing_ok=True)
    for path in (folder / EXAMPLES).glob("*.npy*"):
        path.unlink()
    return folder


def _check_free(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunFolderError(f"{folder} is a file: give a folder for the run.")
    if holds_run(folder) and not overwrite:
        raise RunFolderError(
            f"{folder} already holds a run: go on with it (--resume), replace it (--overwrite), or choose another "
            "folder."
        )


def new_run(
    folder: Path,
    prepare: Callable[[Path], D],
    *,
    task: str = "lm",
    overwrite: bool = False,
    device: str = "auto",
) -> D:
    """Claim a folder and prepare its data: on the main process, while any others wait.

    The data are prepared beside the folder and moved in when they are whole: a mistake in them costs nothing that was
    there before.

    Args:
        folder: the run folder.
        prepare: makes the data in that folder, as :func:`tidegate.text.prepare_corpus` does.
        task: whose data they are, by name.
        overwrite: replace a run that is there.
        device: as in :class:`TrainConfig`; it decides how processes find one another.

    Returns:
        The data.

    Raises:
        RunFolderError: the folder holds a run and ``overwrite`` is not set.
    """

    folder = Path(folder)

    def make() -> None:
        _check_free(folder, overwrite=overwrite)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            prepare(Path(beside))
            claim_folder(folder, overwrite=overwrite)
            for path in sorted(it for it in Path(beside).rglob("*") if it.is_file()):
                target = folder / path.relative_to(beside)
                target.parent.mkdir(exist_ok=True)
                os.replace(path, target)

    main_first(make, device)
    return cast(D, task_named(task).open(folder))


def write_config(folder: Path, config: RunConfig) -> None:
    """Write ``config.json``: from now on the folder holds a run."""
    head = {"format": CONFIG_KIND, "version": CONFIG_VERSION, "tidegate": __version__}
    write_json(folder / CONFIG, head | to_record(config))
    sync_folder(folder)


def read_config(folder: Path) -> RunConfig:
    """Read ``config.json``.

    Raises:
        RunFolderError: it is missing, truncated, foreign or altered; the message names the fault.
    """
    path = Path(folder) / CONFIG
    if not path.exists():
        raise RunFolderError(f"{folder} holds no run: there is no {CONFIG} in it.")
    record = read_json(path, format=CONFIG_KIND, version=CONFIG_VERSION)
    baselines, notes = field(record, path, "baselines", dict), field(record, path, "notes", list)
    if not all(type(value) is float and math.isfinite(value) for value in baselines.values()):
        raise RunFolderError(f"{path}: 'baselines' should be numbers by name: the file was altered.")
    if not all(type(line) is str for line in notes):
        raise RunFolderError(f"{path}: 'notes' should be lines of text: the file was altered.")
    task = field(record, path, "task", str)
    try:
        kind = task_named(task)
    except ArgumentError as error:
        raise RunFolderError(f"{path}: 'task' is {task!r:.80}, which this Tidegate does not know.") from error
    return RunConfig(
        task=task,
        model=from_record(kind.Config, record.get("model"), path, "model"),
        train=from_record(TrainConfig, record.get("train"), path, "train"),
        prediction_name=field(record, path, "unit", str),
        baselines=baselines,
        split_kind=field(record, path, "split_kind", str),
        data_digest=field(record, path, "data_digest", str),
        notes=notes,
    )


@dataclass(frozen=True)
class Run:
    """A run read from its folder.

    Attributes:
        folder: where it is.
        config: its settings.
        model: the best model on validation so far, in eval mode.
        vocabulary: what its numbers stand for: `tidegate.text.Tokenizer` of a language model, else
            `tidegate.data.columns.Preprocessing`.
        step: the step the model is of.
        validation: its validation loss, nats per unit; None if it was not validated.
    """

    folder: Path
    config: RunConfig
    model: Any
    vocabulary: Any
    step: int
    validation: float | None

    @property
    def tokenizer(self) -> "Tokenizer":
        """A language model's units.

        Raises:
            RunFolderError: it is the run of another task.
        """
        self._text()
        return self.vocabulary

    def open_corpus(self) -> "Corpus":
        """The text a language model was trained on.

        Raises:
            RunFolderError: it is the run of another task.
        """
        self._text()
        from tidegate.text.corpus.corpus import open_corpus

        return open_corpus(self.folder)

    def _text(self) -> None:
        if self.config.task != "lm":
            raise RunFolderError(
                f"{self.folder} is a run of the task {self.config.task}, but a language model is needed here: for "
                "other tasks there are tidegate evaluate and tidegate predict."
            )


def load_run(folder: Path, *, device: str | torch.device = "cpu", backend: str | None = None) -> Run:
    """Read a run to use its model.

    Args:
        folder: the run folder; the run may be finished or going on.
        device: where the model is to be.
        backend: the engine's backend; None leaves it to the engine.

    Returns:
        The run.

    Raises:
        RunFolderError: a file is missing, truncated, foreign or altered; the message names it and the fault.
    """
    folder = Path(folder)
    config = read_config(folder)
    kind, path = task_named(config.task), folder / MODEL
    record, layout = read_header(path, MODEL_KIND, MODEL_VERSION)
    vocabulary = kind.vocabulary(folder)

    def make() -> nn.Module:
        return kind.make(config.model, vocabulary, backend)

    tensors = read_tensors(path, record, layout, model_layout(config.model, make, path, layout))
    with own_randomness(torch.device("cpu")):
        model = make()
    load_parameters(model, tensors)
    step, validation = field(record, path, "step", int), record.get("validation")
    if validation is not None:
        validation = field(record, path, "validation", float)
    return Run(folder, config, model.to(device).eval(), vocabulary, step, validation)


def write_model(folder: Path, tensors: dict[str, Tensor], *, step: int, validation: float | None) -> None:
    """Write ``model.safetensors``."""
    record = {"format": MODEL_KIND, "version": MODEL_VERSION, "step": step, "validation": validation}
    write_tensors(folder / MODEL, tensors, record)


def model_layout(config: Any, make: Callable[[], nn.Module], path: Path, layout: Layout, prefix: str = "") -> Layout:
    """Type and shape of each parameter of a model, found without allocating any of it.

    Args:
        config: the make that a file claims.
        make: makes the model of that make.
        path: the tensors' file, which must bear it out.
        layout: what that file holds.
        prefix: of the parameters' names there.

    Returns:
        The parameters' layout, names without the prefix.

    Raises:
        RunFolderError: no such model can be made, or its parameters do not fit.
    """
    held = {name.removeprefix(prefix): entry for name, entry in layout.items() if name.startswith(prefix)}
    if config.num_layers > len(held):
        raise RunFolderError(
            f"{path} cannot belong to the model in {path.with_name(CONFIG)}: {config.num_layers} layers are claimed, "
            f"but the file holds {len(held)} tensors."
        )
    try:
        with torch.device("meta"):
            expected = layout_of(dict(make().named_parameters()))
    except (RuntimeError, OverflowError) as error:  # sizes beyond what torch can count
        raise RunFolderError(
            f"{path} cannot belong to the model in {path.with_name(CONFIG)}, of which torch says: "
            f"{str(error).splitlines()[0]}"
        ) from error
    check_layout(path, held, expected)
    return expected


def load_parameters(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into a model's parameters of the same names."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[name])
