"""What a model is to look at: a text, tokens, an array, a file, a row, or an example of the run's own data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.buckets import pad
from tidegate.data.columns import Encoded, open_examples
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS
from tidegate.errors import ArgumentError
from tidegate.lens.record.labelled_array import check_place
from tidegate.tasks.classify.task import ClassifyTask
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.example_task import ExampleTask
from tidegate.tasks.forecast.reader import series_values
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.seq2seq.caption import CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateTask
from tidegate.tasks.tag.task import TagTask

if TYPE_CHECKING:
    from tidegate.train import Run

PartName = Literal["train", "validation", "test"]
Givable = str | Sequence[str] | NDArray[Any] | Tensor | Path | Row | int
"""A text; words or characters; frames, an image or a series; a file; a row of one; the number of an example."""

HERE = "what was given"
TEXTS = {ClassifyTask: "text", TagTask: "text", TranslateTask: "source"}


@dataclass(frozen=True)
class Given:
    """One example to look at.

    Attributes:
        example: its columns, encoded.
        columns: the same as a batch of one, where the model is.
        row: the row it was encoded from; None of the run's own data, whose rows are not kept.
        picture: height, width and perhaps channels of its frames; None if that was not told.
    """

    example: Encoded
    columns: Columns
    row: Row | None
    picture: tuple[int, ...] | None


def read_given(run: Run, task: ExampleTask, given: Givable, *, part: PartName, picture: Sequence[int] | None) -> Given:
    """Encode what was given as ``tidegate predict`` does, or take an example of the run's own data.

    Raises:
        ArgumentError: the task reads nothing of that kind, there is no such example, or it has no step.
        DataError: it does not fit the model; the message names its place.
    """
    shape = None if picture is None else tuple(picture)
    row = None
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, int):
        example = _own_example(run, part, given)
    else:
        row = given if isinstance(given, Row) else _row(task, given)
        (example,) = task.encode(row, task.config, task.preprocessing, labelled=False)
        if shape is None and isinstance(given, np.ndarray):
            shape = _picture(task, given)
    if not len(example[task.LENGTH]):
        raise ArgumentError("there is nothing to look at: give at least one step")
    device = next(run.model.parameters()).device
    return Given(example, {name: pad([it]).to(device) for name, it in example.items()}, row, shape)


def _own_example(run: Run, part: PartName, number: int) -> Encoded:
    if part not in PARTS:
        raise ArgumentError(f"there is no part {part!r:.40}, but {', '.join(PARTS)}")
    held = open_examples(run.folder).parts[part]
    if not len(held):
        raise ArgumentError(f"{run.folder} has no examples for {part}: choose another part, or give an example")
    check_place(f"{part} example", number, len(held))
    return {name: rows[0] for name, rows in held.rows([number % len(held)]).items()}


def _row(task: ExampleTask, given: str | Sequence[str] | NDArray[Any] | Path) -> Row:
    if isinstance(given, Path):
        rows = iter(task.read(given, task.config))
        row, more = next(rows, None), next(rows, None)
        if row is None or more is not None:
            held = "nothing" if row is None else "more than one example"
            raise ArgumentError(f"{given} holds {held}: give a file of one, or one of the rows that its task reads")
        return row
    if isinstance(given, np.ndarray):
        return _of_array(task, given)
    if isinstance(given, str):
        name = next((name for kind, name in TEXTS.items() if isinstance(task, kind)), None)
        if name is not None:
            return Row(HERE, {name: given})
    elif isinstance(task, TagTask) and all(isinstance(it, str) for it in given):
        return Row(HERE, {"tokens": list(given)})
    raise ArgumentError(
        f"the task {task.name} does not read a {type(given).__name__}: give a file that tidegate predict reads "
        "(pathlib.Path), a row of one, an array, or the number of an example of the run"
    )


def _of_array(task: ExampleTask, given: NDArray[Any]) -> Row:
    if given.dtype.kind not in "fiub" or not given.ndim:
        raise ArgumentError(f"an array of numbers is needed, but this is {given.dtype} of shape {given.shape}")
    if isinstance(task, CaptionTask):
        return Row(HERE, {"image": np.asarray(given, np.float32).ravel()})
    if isinstance(task, ForecastTask):
        if given.ndim != 1:
            raise ArgumentError(
                f"a series should be (T,), but is {given.shape}: give one with covariates as a file, or as a row of one"
            )
        return Row(HERE, series_values(HERE, given))
    if isinstance(task, ClassifyTask | TagTask):
        if given.ndim == 1:
            raise ArgumentError(f"frames should be (T, F) or (T, height, width), but are {given.shape}")
        return Row(HERE, {"frames": np.asarray(given, np.float32).reshape(len(given), -1)})
    raise ArgumentError(f"the task {task.name} reads no arrays: give a text")


def _picture(task: ExampleTask, given: NDArray[Any]) -> tuple[int, ...] | None:
    """The shape of each picture, where the array itself tells."""
    shape = given.shape if isinstance(task, CaptionTask) else given.shape[1:]
    return shape if len(shape) in (2, 3) else None


def on_cpu(values: Tensor) -> NDArray[np.float32]:
    """Float32 in memory, for a person to look at."""
    return values.detach().to("cpu", torch.float32).numpy()
