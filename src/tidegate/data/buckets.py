"""Batches of examples of about the same length, and padding."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.errors import ArgumentError, CorpusTooSmallError

POOL = 50  # batches whose examples are sorted together by length: more give less padding, but less mixing


class Padded(NamedTuple):
    """A batch of one column.

    Attributes:
        values: (B, L, ...), zeros past each example's length.
        lengths: (B,) int64.
    """

    values: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> "Padded":
        """Move to a device."""
        return Padded(self.values.to(device, non_blocking=True), self.lengths.to(device, non_blocking=True))


class Batch(NamedTuple):
    """A batch of examples.

    Attributes:
        columns: by name.
        share: divisor of this process's summed loss, so that the mean over processes is the mean over all predictions
            of the batch: the predictions of all processes, divided by the number of processes.
    """

    columns: Mapping[str, Padded]
    share: float


def pad(rows: Sequence[NDArray[Any]]) -> Padded:
    """Pad rows (L_n, ...) to one tensor (B, max L, ...), at least one step long: layers need one."""
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    first = rows[0]
    room = np.zeros((len(rows), max(1, *map(len, rows)), *first.shape[1:]), first.dtype)
    for n, row in enumerate(rows):
        room[n, : len(row)] = row
    return Padded(torch.from_numpy(room), lengths)


class Buckets:
    """The order of the training examples: drawn anew in every epoch, a function of seed and epoch.

    The examples of an epoch are shuffled; within every 50 batches they are sorted by length and cut into batches; then
    the batches are shuffled. Process ``rank`` takes every ``world``-th example of a batch.

    Args:
        lengths: (N,) steps of each example.
        batch_size: examples in all processes together, at most; all batches are about equally large.
        seed: random seed.
        rank: index of this process.
        world: number of processes.

    Raises:
        ArgumentError: a batch has fewer examples than there are processes.
        CorpusTooSmallError: there are fewer examples than processes.
    """

    def __init__(
        self, lengths: NDArray[np.int64], batch_size: int, *, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        if batch_size < world:
            raise ArgumentError(f"A batch of {batch_size} examples cannot be divided among {world} processes.")
        if len(lengths) < world:
            raise CorpusTooSmallError(
                f"There are {len(lengths)} training examples, but {world} are needed, one for each process."
            )
        self.lengths, self.batch_size, self.seed, self.rank, self.world = lengths, batch_size, seed, rank, world
        count = -(-len(lengths) // batch_size)
        # Equal sizes, so that every batch can be divided among the processes. The batches do not depend on the number
        # of processes if it is at most half the batch size.
        self._count = count if len(lengths) // count >= world else len(lengths) // world
        self._epoch, self._batches = -1, [np.zeros(0, np.int64)]

    def __len__(self) -> int:
        return self._count

    def all(self, epoch: int, index: int) -> NDArray[np.int64]:
        """Return the examples of a batch, for all processes."""
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._order(epoch)
        return self._batches[index]

    def own(self, epoch: int, index: int) -> NDArray[np.int64]:
        """Return this process's examples of a batch."""
        return self.all(epoch, index)[self.rank :: self.world]

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        draw = np.random.default_rng((self.seed, epoch))
        mixed = draw.permutation(len(self.lengths))
        ends = np.arange(self._count + 1) * len(mixed) // self._count
        batches = []
        for first in range(0, self._count, POOL):
            own = ends[first : first + POOL + 1]
            pool = mixed[own[0] : own[-1]]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += np.split(pool, own[1:-1] - own[0])
        return [batches[n] for n in draw.permutation(len(batches))]
