"""Predictions for rows of files, in their order."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

import torch
from torch import nn

from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.ragged_array import Rows
from tidegate.data.rows import Row
from tidegate.tasks.example_batches import Columns, map_batches

READ_AT_ONCE = 1024  # rows that are sorted by length and predicted together


class Predictor(Protocol):
    """A task as it was trained, see `tidegate.tasks.base_task.ExampleTask`."""

    LENGTH: str
    config: Any
    preprocessing: Preprocessing

    @classmethod
    def encode(  # noqa: D102
        cls, row: Row, config: Any, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]: ...
    def predict(self, model: Any, columns: Columns) -> list[dict[str, Any]]: ...  # noqa: D102
    def blank_prediction(self, row: Row) -> dict[str, Any] | None: ...  # noqa: D102


def check_rows(task: Predictor, rows: Iterable[Row]) -> None:
    """Check that there can be a prediction for every row.

    Raises:
        DataError: a row does not fit; the message begins with its place.
    """
    for row in rows:
        _encoded(task, row)


def predict_rows(
    task: Predictor, model: nn.Module, rows: Iterable[Row], batch_size: int
) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Predict for rows, one prediction for each, in their order.

    Raises:
        DataError: a row does not fit; the message begins with its place.
    """
    rows = iter(rows)
    while chunk := list(islice(rows, READ_AT_ONCE)):
        encoded = [(row, _encoded(task, row)) for row in chunk]
        examples = [it for _, own in encoded for it in own]
        part = Part({name: Rows([it[name] for it in examples]) for name in examples[0]}) if examples else Part({})
        with torch.inference_mode():
            found = iter(
                map_batches(part, task.LENGTH, model, lambda columns: task.predict(model, columns), batch_size)
            )
        for row, own in encoded:
            blank = task.blank_prediction(row)
            yield from ((row, next(found)) for _ in own) if blank is None else [(row, blank)]


def _encoded(task: Predictor, row: Row) -> list[Encoded]:
    if task.blank_prediction(row) is not None:
        return []
    return list(task.encode(row, task.config, task.preprocessing, labelled=False))
