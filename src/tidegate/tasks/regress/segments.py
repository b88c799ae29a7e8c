"""The order of training: long series in segments, read window by window with the state handed on."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.columns import Part
from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.train.stretches import window_start


class Segment(NamedTuple):
    """A stretch of one series that is read from a zero state.

    Attributes:
        series: number of the series.
        start: its first step.
        end: the step after its last.
        skip: how many of its steps do not count, from the first on: the burn-in, and what an earlier segment counts.
    """

    series: int
    start: int
    end: int
    skip: int


def cut(lengths: Sequence[int], size: int, burn_in: int) -> list[Segment]:
    """Cut series into segments that count up to ``size`` steps each; every step after a burn-in is in exactly one.

    A segment reads the ``burn_in`` steps before its first counted one, or more if the series ends, so that all segments
    of a long series are equally long. The first ``burn_in`` steps of a series never count.

    Args:
        lengths: steps of each series.
        size: counted steps of a segment.
        burn_in: steps read before them.
    """
    found = []
    for series, length in enumerate(lengths):
        for counted in range(burn_in, length, size):
            end = min(counted + size, length)
            start = max(0, end - size - burn_in)
            found.append(Segment(series, start, end, counted - start))
    return found


class Window(NamedTuple):
    """What one step of training reads: a window of each of R segments.

    Attributes:
        inputs: (L, R, F) normalised.
        targets: (L, R, K) normalised; nan where none is known or the segment does not count it, and past its end.
        weights: (R, K) of the errors.
        lengths: (R,) steps that are in the segment; None if all L of every segment are.
        burn_in: steps at the beginning of the window that only set the state.
        new: how many of the others count in the loss, the last ones.
        advance: how many of the others come before the next window.
        k2: steps the gradient goes back.
        first: whether the segments begin here, so that the state must be zero.
        share: divisor of the summed loss.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    lengths: Tensor | None
    burn_in: int
    new: int
    advance: int
    k2: int
    first: bool
    share: float


class SegmentBatches:
    """The windows of every epoch, as the training loop's batches.

    Segments are read side by side in groups of at most ``rows``. The first window of a group reads the burn-in and
    ``k1`` steps, each later one the next ``k1`` steps, and with ``k2`` > ``k1`` those before them over which gradients
    go back: never into the burn-in. Segments change places with others of the same length, and groups are
    shuffled: an order that is a function of seed and epoch, in which every epoch has as many windows.

    Args:
        part: the training part, with columns "inputs", "targets" and "weights", one row for each series.
        rows: segments side by side, in all processes together.
        k1: steps of a window that count.
        k2: steps the gradient goes back.
        burn_in: steps that do not count at the beginning of a segment.
        size: counted steps of a segment. Default: such that there is one group.
        seed: random seed.
        rank: index of this process.
        world: number of processes.

    Raises:
        ArgumentError: the rows cannot be divided equally among the processes.
        CorpusTooSmallError: no step is left after the burn-in, or there are fewer segments than processes.
    """

    def __init__(
        self,
        part: Part,
        rows: int,
        k1: int,
        burn_in: int,
        size: int | None,
        *,
        k2: int,
        seed: int,
        rank: int,
        world: int,
    ) -> None:
        if rows % world:
            raise ArgumentError(
                f"A batch of {rows} segments cannot be divided equally among {world} processes: choose a multiple of "
                f"{world}."
            )
        lengths = part.columns["inputs"].lengths
        counted = int(np.maximum(lengths - burn_in, 0).sum())
        self.segments = cut(lengths.tolist(), size or max(k1, -(-counted // rows)), burn_in)
        if len(self.segments) < world:
            raise CorpusTooSmallError(
                f"The training part has {len(self.segments)} segments of more than {burn_in} steps, but {world} are "
                "needed: give longer series or a smaller --burn-in."
            )
        self.part, self.rows, self.k1, self.k2, self.burn_in, self.seed, self.rank, self.world = (
            part, rows, k1, k2, burn_in, seed, rank, world,
        )  # fmt: skip
        self._lengths = np.array([it.end - it.start for it in self.segments])
        count = -(-len(self.segments) // rows)
        self._ends = np.arange(count + 1) * len(self.segments) // count
        longest = np.sort(self._lengths)[self._ends[1:] - 1]
        self._windows = -(-(longest - burn_in) // k1)  # of each group, in the order of its longest segment
        self._epoch = -1
        self._order: list[tuple[NDArray[np.int64], int]] = []
        self._counted: tuple[tuple[int, int], int] = ((-1, -1), 0)

    def __len__(self) -> int:
        return int(self._windows.sum())

    def batch(self, epoch: int, index: int) -> Window:
        """Return this process's rows of a window."""
        group, number = self._place(epoch, index)
        begin, following = (window_start(it, self.k1, self.k2) for it in (number, number + 1))
        burn_in, old = 0 if number else self.burn_in, number * self.k1 - begin
        start, end = self.burn_in + begin - burn_in, self.burn_in + (number + 1) * self.k1
        of_all = self._rows(group, start, end, range(len(group)))
        count = sum(int(np.isfinite(y[burn_in + old :]).sum()) for y in of_all["targets"])
        self._counted = (epoch, index), count
        chosen = range(self.rank, len(group), self.world)
        room = self.rows // self.world
        longest = max(1, *(len(x) for x in of_all["inputs"]))
        x, y = (
            np.full((longest, room, of_all[name][0].shape[1]), empty, np.float32)
            for name, empty in (("inputs", 0.0), ("targets", np.nan))
        )
        weights, lengths = np.zeros((room, y.shape[2]), np.float32), np.zeros(room, np.int64)
        for row, n in enumerate(chosen):
            lengths[row] = len(of_all["inputs"][n])
            x[: lengths[row], row], y[: lengths[row], row] = of_all["inputs"][n], of_all["targets"][n]
            weights[row] = of_all["weights"][n]
        return Window(
            *(torch.from_numpy(it) for it in (x, y, weights)),
            lengths=None if (lengths == longest).all() else torch.from_numpy(lengths),
            burn_in=burn_in,
            new=longest - burn_in - old,
            k2=self.k2,
            advance=min(following - begin, longest - burn_in),
            first=number == 0,
            share=max(1, count) / self.world,
        )

    def predictions(self, epoch: int, index: int) -> int:
        """Count the known targets of a window, in all processes; 1 if there is none, so that means are numbers."""
        if self._counted[0] != (epoch, index):
            self.batch(epoch, index)
        return max(1, self._counted[1])

    def _place(self, epoch: int, index: int) -> tuple[NDArray[np.int64], int]:
        """Return the segments of a window's group, and the window's number in the group."""
        if epoch != self._epoch:
            draw = np.random.default_rng((self.seed, epoch))
            # Sorted by length, with ties in random order, the n-th segment is always as long.
            by_length = np.lexsort((draw.random(len(self.segments)), self._lengths))
            groups = np.split(by_length, self._ends[1:-1])
            self._order = [(groups[g], w) for g in draw.permutation(len(groups)) for w in range(self._windows[g])]
            self._epoch = epoch
        return self._order[index]

    def _rows(
        self, group: NDArray[np.int64], start: int, end: int, chosen: Sequence[int]
    ) -> Mapping[str, list[NDArray[np.float32]]]:
        """Read steps ``start`` to ``end`` of segments; what does not count among their targets is nan."""
        found: dict[str, list[NDArray[np.float32]]] = {"inputs": [], "targets": [], "weights": []}
        for n in chosen:
            it = self.segments[int(group[n])]
            steps = slice(min(it.start + start, it.end), min(it.start + end, it.end))
            targets = np.array(self.part.columns["targets"][it.series][steps])
            targets[: max(0, it.skip - start)] = np.nan
            found["inputs"].append(self.part.columns["inputs"][it.series][steps])
            found["targets"].append(targets)
            found["weights"].append(self.part.columns["weights"][it.series][0])
        return found
