"""The run folder: everything about a run.

::

    config.json                   settings, baselines, digest of the data; replaced only when the budget is raised
    model.safetensors             the best model on validation; the last one before the first validation or without any
    metrics.jsonl                 one line per report, validation and sample
    training_state.safetensors    the checkpoint that `resume` needs
    trackers.json                 of a run that is logged elsewhere, too: its names there
    events.out.tfevents.*         what TensorBoard reads, if it was asked for

and the data, in files of the task (`Task.files`): vocabulary.json or tokenizer.json; corpus.npy and corpus.json of a
language model, examples.json and examples/ of other tasks.

To use a model elsewhere, ``config.json``, ``model.safetensors`` and the vocabulary suffice: ``vocabulary.json`` or
``tokenizer.json``, of other tasks than language models ``examples.json``.

Reading a run executes and unpickles nothing and imports nothing by name but built-in tasks, and no size in a file is
trusted before the file is found to be that large.
"""

import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from tidegate.drawing import table_html
from tidegate.drawing.brief import brief
from tidegate.errors import ArgumentError, RunFolderError
from tidegate.hub.hub_reference import HubReference
from tidegate.io.files import field, read_json
from tidegate.io.folder_lock import refuse_file, writing
from tidegate.io.tensor_files import (
    Layout,
    check_layout,
    check_name,
    layout_of,
    read_header,
    read_tensors,
    write_tensors,
)
from tidegate.train import checkpoint, metrics, run_config
from tidegate.train.distributed import main_first
from tidegate.train.hub.hub_run import run_place
from tidegate.train.randomness import own_randomness
from tidegate.train.registry import task_named
from tidegate.train.run_config import RunConfig, holds_run, read_config
from tidegate.train.task import Data, Task
from tidegate.train.trackers import tensorboard, tracked

D = TypeVar("D", bound=Data)
MODEL, MODEL_KIND, MODEL_VERSION = "model.safetensors", "tidegate model", 1
PREPARED = ".prepared"  # where data are until they are complete
# config.json first: without it there is no run
FILES = (run_config.NAME, checkpoint.NAME, MODEL, metrics.NAME, tracked.NAME, tensorboard.FILES)


def claim_folder(folder: str | Path, *, task: str = "lm", overwrite: bool = False) -> Path:
    """Make a folder ready for a new run.

    Args:
        folder: created if it does not exist.
        task: name of the task.
        overwrite: remove the files of an existing run; other files stay.

    Returns:
        The folder.

    Raises:
        RunFolderError: it holds a run and ``overwrite`` is not set, or it is not a folder.
    """
    folder = Path(folder)
    _check_free(folder, overwrite=overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    names = [*FILES, *(name for kind in _tasks_of(folder, task) for name in kind.files)]
    for name in names:
        for path in [*folder.glob(name), *folder.glob(f"{name}.partial")]:
            path.unlink(missing_ok=True)  # both patterns may match it
    return folder


def _tasks_of(folder: Path, task: str) -> list[type[Task]]:
    """Return a task, and that of the run in a folder if it is known."""
    found = [task_named(task)]
    with suppress(RunFolderError, ArgumentError):
        path = folder / run_config.NAME
        record = read_json(path, format=run_config.KIND, version=run_config.VERSION)
        found.append(task_named(field(record, path, "task", str)))
    return found


def _check_free(folder: Path, *, overwrite: bool) -> None:
    refuse_file(folder)
    check_name(folder)
    if holds_run(folder) and not overwrite:
        raise RunFolderError(
            f"{folder} already holds a run: resume it (--resume), replace it (--overwrite), or choose another folder."
        )


def new_run(
    folder: str | Path,
    prepare: Callable[[Path], D],
    *,
    task: str = "lm",
    overwrite: bool = False,
    device: str = "auto",
) -> D:
    """Claim a folder and prepare its data, on the main process while any others wait.

    The data are prepared in a folder inside and moved when they are complete: an error leaves an existing run as it
    was.
    To keep other processes out between this and `train`, put both into a block of `tidegate.train.one_writer`.

    Args:
        folder: the run folder.
        prepare: writes the data to the folder it is given, as `tidegate.text.prepare_corpus` does.
        task: name of the task.
        overwrite: replace an existing run.
        device: as in `TrainConfig`; it decides how processes communicate.

    Returns:
        The data.

    Raises:
        RunFolderError: the folder holds a run and ``overwrite`` is not set, or another process writes to it.
    """
    folder = Path(folder)

    def make() -> None:
        _check_free(folder, overwrite=overwrite)
        with writing(folder), _inner(folder / PREPARED) as prepared:
            _check_free(folder, overwrite=overwrite)  # another run may have ended meanwhile
            prepare(prepared)
            claim_folder(folder, task=task, overwrite=overwrite)
            for path in sorted(it for it in prepared.rglob("*") if it.is_file()):
                target = folder / path.relative_to(prepared)
                target.parent.mkdir(exist_ok=True)
                os.replace(path, target)

    main_first(make, device)
    return cast(D, task_named(task).open(folder))


@contextmanager
def _inner(folder: Path) -> Iterator[Path]:
    """Make an empty folder that is removed at the end; one that a killed process left is removed before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Run:
    """A run loaded from its folder.

    Attributes:
        folder: the run folder.
        config: the contents of ``config.json``.
        model: the model of the best checkpoint so far, in eval mode.
        vocabulary: what the task needs of its data to use the model: the `tidegate.text.Tokenizer` of a language
            model, the `tidegate.data.columns.Preprocessing` of other tasks.
        step: the step of the checkpoint.
        validation: its validation loss; None if it was not validated.
        repository: "hub:OWNER/NAME", with the revision, if the run was fetched from the hub; its folder is then in the
            hub's cache, and only read.
    """

    folder: Path
    config: RunConfig
    model: Any
    vocabulary: Any
    step: int
    validation: float | None
    repository: str | None = None

    def __repr__(self) -> str:
        task, model = self.config.task, self.config.model
        validation = self.validation and round(self.validation, 4)
        return f"Run({self.place!r}, {task=}, {model=}, step={self.step}, {validation=})"

    def _repr_html_(self) -> str:
        """Notebook view: what was trained, how far, and how good it is."""
        rows: list[list[object]] = [
            ["task", self.config.task],
            ["step of the checkpoint", f"{self.step:,}"],
            ["validation loss", "not validated" if self.validation is None else f"{self.validation:.4f}"],
            ["parameters", f"{sum(it.numel() for it in self.model.parameters()):,}"],
            *(
                [it.name.replace("_", " "), brief(getattr(self.config.model, it.name))]
                for it in fields(self.config.model)
            ),
        ]
        return table_html(rows, ("", ""), caption=self.place)

    @property
    def place(self) -> str:
        """Where the run is: its folder, or "hub:OWNER/NAME"."""
        return self.repository or str(self.folder)

    @property
    def label(self) -> str:
        """The last part of `place`, for headings."""
        return self.folder.name if self.repository is None else self.repository.rpartition("/")[2]

    @property
    def task(self) -> type[Task]:
        """The task."""
        return task_named(self.config.task)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of a language model.

        Raises:
            RunFolderError: the task has no tokenizer.
        """
        found = self.task.tokenizer(self.vocabulary)
        if found is None:
            raise RunFolderError(
                f"{self.place} is a run of the task {self.config.task}, but a language model is needed here. Use one "
                f"of: {', '.join(self.next_commands())}."
            )
        return found

    @property
    def holds_data(self) -> bool:
        """Whether the folder holds the encoded data, which using the model does not need."""
        return any(any(self.folder.glob(name)) for name in self.task.files if name.endswith(".npy"))

    def open_data(self) -> Any:
        """Open the data: the `tidegate.text.Corpus` of a language model, `tidegate.data.columns.Examples` of others.

        Raises:
            RunFolderError: the run was copied without its data, or a file is missing, truncated, foreign or altered.
        """
        if not self.holds_data:
            raise RunFolderError(
                f"{self.place} holds a model without the data that it was trained on: give files or a text of your "
                f"own, or copy the data, too ({', '.join(self.task.files)})."
            )
        data = self.task.open(self.folder)
        self.task.check_data(data, self.config.model)
        return data

    def next_commands(self) -> list[str]:
        """Return the commands that use the run."""
        return [command.format(run=self.place) for command in self.task.next_commands]


def load_run(folder: str | Path, *, device: str | torch.device = "cpu", backend: str | None = None) -> Run:
    """Load a run to use its model.

    Args:
        folder: the run folder, or ``hub:OWNER/NAME@REVISION``; the run need not be finished.
        device: device of the model.
        backend: the engine's backend. Default: the engine's choice.

    Returns:
        The run.

    Raises:
        RunFolderError: a file is missing, truncated, foreign or altered; the message names it and the fault.
        HubError: the run cannot be fetched from the hub.
    """
    return open_run(*run_place(folder), device=device, backend=backend)


def open_run(
    folder: Path, repository: HubReference | None, *, device: str | torch.device = "cpu", backend: str | None = None
) -> Run:
    """Load a run from its folder, which may be the copy of a repository: see `load_run`."""
    config = read_config(folder)
    kind, path = task_named(config.task), folder / MODEL
    record, layout = read_header(path, MODEL_KIND, MODEL_VERSION)
    vocabulary = kind.vocabulary(folder)

    def make() -> nn.Module:
        return kind.make_model(config.model, vocabulary, backend)

    tensors = read_tensors(path, record, layout, model_layout(config.model, make, path, layout))
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise RunFolderError(f"{path} holds a parameter that is nan or infinite: it was altered.")
    with own_randomness(torch.device("cpu")):
        model = make()
    load_parameters(model, tensors)
    step, validation = field(record, path, "step", int), record.get("validation")
    if step < 0 or step >= 2**63 or not (validation is None or math.isfinite(field(record, path, "validation", float))):
        raise RunFolderError(f"{path} should say step and validation loss, but says {step} and {validation}.")
    model.run_folder = folder  # type: ignore[assignment]
    place = None if repository is None else str(repository)
    return Run(folder, config, model.to(device).eval(), vocabulary, step, validation, place)


def write_model(folder: Path, tensors: dict[str, Tensor], *, step: int, validation: float | None) -> None:
    """Write ``model.safetensors``."""
    record = {"format": MODEL_KIND, "version": MODEL_VERSION, "step": step, "validation": validation}
    write_tensors(folder / MODEL, tensors, record)


def model_layout(config: Any, make: Callable[[], nn.Module], path: Path, layout: Layout, prefix: str = "") -> Layout:
    """Return dtype and shape of each parameter of a model without allocating any of it.

    Args:
        config: the model config in a file, not trusted.
        make: makes the model.
        path: the file of the parameters, compared with the model.
        layout: dtypes and shapes in that file.
        prefix: prefix of the parameters' names there.

    Returns:
        The parameters' layout, names without the prefix.

    Raises:
        RunFolderError: the model cannot be made, or the file does not hold its parameters.
    """
    held = {name.removeprefix(prefix): entry for name, entry in layout.items() if name.startswith(prefix)}
    if config.num_layers > len(held):
        raise RunFolderError(
            f"{path} cannot belong to the model in {path.with_name(run_config.NAME)}: {config.num_layers} layers are "
            f"claimed, but the file holds {len(held)} tensors."
        )
    try:
        with torch.device("meta"):
            expected = layout_of(dict(make().named_parameters()))
    except (RuntimeError, OverflowError, TypeError) as error:  # sizes too large for torch
        raise RunFolderError(
            f"{path} cannot belong to the model in {path.with_name(run_config.NAME)}, for which torch raises: "
            f"{str(error).splitlines()[0]}"
        ) from error
    check_layout(path, held, expected)
    return expected


def load_parameters(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy tensors into a model's parameters of the same names."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[name])
