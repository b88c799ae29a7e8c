"""What can be looked at: a text, tokens, an array, a file, a row, or an example of the run's own data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.buckets import pad
from tidegate.data.columns import Encoded
from tidegate.data.rows import Row
from tidegate.data.sources import PARTS
from tidegate.errors import ArgumentError
from tidegate.lens.tasks.example import WHERE, ArrayRow, Example
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.nn.record.labelled_array import check_place
from tidegate.tasks.base_task import ExampleTask
from tidegate.train import Run

PartName = Literal["train", "validation", "test"]
ExampleLike = str | Sequence[str] | NDArray[Any] | Tensor | Path | Row | int
"""A text; words or characters; frames, an image or a series; a file; a row of one; the number of an example."""


def encode_input(
    run: Run, task: ExampleTask, look: ExampleLook, given: ExampleLike, *, part: PartName, picture: Sequence[int] | None
) -> Example:
    """Encode an input as ``tidegate predict`` does, or take an example of the run's own data.

    Raises:
        ArgumentError: the task reads nothing of that kind, there is no such example, or it has no step.
        DataError: the input does not fit the model; the message names its place.
    """
    shape = None if picture is None else tuple(picture)
    row = None
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, int):
        encoded = _stored_example(run, part, given)
    else:
        row, found = _row(task, look, given)
        (encoded,) = task.encode(row, task.config, task.preprocessing, labelled=False)
        shape = found if shape is None else shape
    if not len(encoded[task.LENGTH]):
        raise ArgumentError("There is nothing to look at: give at least one step.")
    device = next(run.model.parameters()).device
    return Example(encoded, {name: pad([it]).to(device) for name, it in encoded.items()}, row, shape)


def _stored_example(run: Run, part: PartName, number: int) -> Encoded:
    if part not in PARTS:
        raise ArgumentError(f"There is no part {part!r:.40}: choose one of {', '.join(PARTS)}.")
    stored = run.open_data().parts[part]
    if not len(stored):
        raise ArgumentError(f"{run.place} has no examples for {part}: choose another part, or give an example.")
    check_place(f"{part} example", number, len(stored))
    return {name: rows[0] for name, rows in stored.rows([number % len(stored)]).items()}


def _row(
    task: ExampleTask, look: ExampleLook, given: str | Sequence[str] | NDArray[Any] | Path | Row
) -> tuple[Row, tuple[int, ...] | None]:
    """Return an input as a row, and the shape of its pictures."""
    if isinstance(given, Row):
        return given, None
    if isinstance(given, Path):
        return _only_row(task, given), None
    if isinstance(given, np.ndarray):
        values, shape = _array_row(task, look, given)
        return Row(WHERE, dict(values)), shape
    if isinstance(given, str):
        if look.text_field is not None:
            return Row(WHERE, {look.text_field: given}), None
    elif look.tokens_field is not None and all(isinstance(it, str) for it in given):
        return Row(WHERE, {look.tokens_field: list(given)}), None
    raise ArgumentError(
        f"The task {task.name} does not read a {type(given).__name__}: give a file that tidegate predict reads "
        "(pathlib.Path), a row of one, an array, or the number of an example of the run."
    )


def _only_row(task: ExampleTask, path: Path) -> Row:
    rows = iter(task.read(path, task.config))
    row, more = next(rows, None), next(rows, None)
    if row is None or more is not None:
        count = "no example" if row is None else "more than one example"
        raise ArgumentError(f"{path} holds {count}: give a file of one, or one of the rows that its task reads.")
    return row


def _array_row(task: ExampleTask, look: ExampleLook, given: NDArray[Any]) -> ArrayRow:
    if given.dtype.kind not in "fiub" or not given.ndim:
        raise ArgumentError(f"An array of numbers is needed, but this is {given.dtype} of shape {given.shape}.")
    if look.array_row is None:
        raise ArgumentError(f"The task {task.name} reads no arrays: give a text.")
    return look.array_row(given)
