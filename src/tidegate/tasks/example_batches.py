"""Batches of examples of like length, for training and for predictions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tidegate.data.buckets import Batch, Buckets, Padded, pad
from tidegate.data.columns import Part
from tidegate.data.sources import PARTS

T = TypeVar("T")
Columns = Mapping[str, Padded]


def drawn_part(key: bytes, shares: Sequence[float], seed: int) -> str:
    """Draw the part of all rows that share a key, by its hash: the same key gives the same part."""
    drawn = int.from_bytes(hashlib.blake2b(f"{seed} ".encode() + key, digest_size=8).digest()) / 2**64
    return PARTS[int(np.searchsorted(np.cumsum(shares)[:2], drawn, "right"))]


def map_batches(
    part: Part, length: str, model: nn.Module, act: Callable[[Columns], Sequence[T]], batch_size: int = 64
) -> list[T]:
    """Apply a function to a part in batches of examples of like length; return the results in the examples' order.

    Args:
        part: the examples.
        length: the column by whose length they are batched.
        model: the batches are moved to its device.
        act: returns one result for each example of a batch.
        batch_size: examples per batch.
    """
    order = np.argsort(part.columns[length].lengths, kind="stable") if len(part) else np.zeros(0, np.int64)
    device = next(model.parameters()).device
    found: list[T | None] = [None] * len(part)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        columns = {name: pad(rows).to(device) for name, rows in part.rows(chosen).items()}
        for index, result in zip(chosen, act(columns), strict=True):
            found[int(index)] = result
    return found  # type: ignore[return-value]


class ExampleBatches:
    """Examples in batches of like length, for the training loop.

    Args:
        part: the training part.
        buckets: the order.
        predictions: (N,), the number of predictions of each example.
    """

    def __init__(self, part: Part, buckets: Buckets, predictions: NDArray[np.int64]) -> None:
        self.part, self.buckets, self.counts = part, buckets, predictions

    def __len__(self) -> int:
        return len(self.buckets)

    def batch(self, epoch: int, index: int) -> Batch:
        """Return this process's part of a batch."""
        rows = self.part.rows(self.buckets.own(epoch, index))
        return Batch({n: pad(r) for n, r in rows.items()}, max(1, self.predictions(epoch, index)) / self.buckets.world)

    def predictions(self, epoch: int, index: int) -> int:
        """Count the predictions in a batch, in all processes together."""
        return int(self.counts[self.buckets.all(epoch, index)].sum())
