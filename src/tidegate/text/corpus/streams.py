"""Contiguous streams for truncated backpropagation through time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.train.stretches import window_start


@dataclass(frozen=True)
class Window:
    """One step of truncated backpropagation through time, for all streams of a process.

    Attributes:
        inputs: token ids, shape (B, L), int64.
        targets: the token that follows each, shape (B, L), int64.
        first: whether the streams begin here, so that the state must be zero.
        new: the number of new positions, the last of the window, 1 to L: only these count in the loss.
        start: the position in the stream of the first input.
        advance: number of positions before the next window begins. The state there, detached, is the next window's
            initial state (0: the same initial state again; L after the epoch's last window).
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    first: bool
    new: int
    start: int
    advance: int

    __repr__ = brief_repr


class Streams:
    """Cut a text into streams that are read side by side, window by window.

    The text's N tokens become ``batch_size`` contiguous streams of P = (N - 1) // batch_size positions; a position is
    a token and its successor, so each stream's last target is the next stream's first input. Up to batch_size - 1
    positions at the end are left out. Every k1 positions there is a window that reaches back over the last
    k2 positions (Williams & Peng 1990): window w ends at position (w + 1) k1 and is max(k1, k2) long, shorter at
    the beginning, where there are not as many positions yet, and at the end. With k2 < k1 the windows do not overlap,
    and the training loop cuts the gradient inside. Each position is new in exactly one window of an epoch.

    Args:
        array: token ids, shape (N,), any integer type; it may be memory-mapped and is never copied whole.
        batch_size: the number of streams in all processes together.
        k1: positions between two steps.
        k2: positions the gradient of a step goes back.
        rank: index of this process; it gets a contiguous part of the streams.
        world: number of processes.

    Raises:
        ArgumentError: a number is out of range, or the streams cannot be divided equally among the processes.
        CorpusTooSmallError: there are not two tokens for each stream; `fit_batch` gives a batch size that fits.
    """

    def __init__(
        self, array: NDArray[np.integer], batch_size: int, *, k1: int, k2: int, rank: int = 0, world: int = 1
    ) -> None:
        for name, value in (("batch_size", batch_size), ("k1", k1), ("k2", k2), ("world", world)):
            if value < 1:
                raise ArgumentError(f"{name} is {value}, but must be at least 1.")
        if not 0 <= rank < world:
            raise ArgumentError(f"rank is {rank}, but must be from 0 to {world - 1}, for there are {world} processes.")
        if batch_size % world:
            raise ArgumentError(
                f"A batch of {batch_size} streams cannot be divided equally among {world} processes: choose a multiple "
                f"of {world}."
            )
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ArgumentError(
                f"The text should be whole numbers of shape (N,), but is {array.dtype} of shape {array.shape}."
            )
        if len(array) < batch_size + 1:
            raise CorpusTooSmallError(
                f"The text has {len(array)} tokens, but {batch_size} streams need at least {batch_size + 1} (each a "
                "token and its successor): give more text or a smaller batch size."
            )
        self.batch_size, self.k1, self.k2 = batch_size, k1, k2
        self.positions = (len(array) - 1) // batch_size  # of each stream
        share = batch_size // world
        mine, used = slice(rank * share, (rank + 1) * share), self.positions * batch_size
        self._inputs = array[:used].reshape(batch_size, self.positions)[mine]
        self._targets = array[1 : used + 1].reshape(batch_size, self.positions)[mine]

    @property
    def windows_per_epoch(self) -> int:
        """Number of windows in one pass over the text."""
        return -(-self.positions // self.k1)

    @property
    def positions_per_epoch(self) -> int:
        """Number of predictions in one pass, over all streams of all processes."""
        return self.positions * self.batch_size

    def __len__(self) -> int:
        return self.windows_per_epoch

    def __iter__(self) -> Iterator[Window]:
        return (self.window(index) for index in range(len(self)))

    def window(self, index: int) -> Window:
        """Return a window of the epoch by its index.

        Args:
            index: from 0 to ``windows_per_epoch`` - 1.

        Returns:
            The window.

        Raises:
            ArgumentError: there is no such window.
        """
        if not 0 <= index < len(self):
            raise ArgumentError(f"There is no window {index}: an epoch has windows 0 to {len(self) - 1}.")
        start, end = self._start(index), min((index + 1) * self.k1, self.positions)
        last = index == len(self) - 1
        return self._cut(
            start, end, new=end - index * self.k1, advance=end - start if last else self._start(index + 1) - start
        )

    def between(self, begin: int, end: int) -> Window:
        """Return the window of the positions from ``begin`` to ``end``, all of them new."""
        return self._cut(begin, end, new=end - begin, advance=end - begin)

    def _cut(self, start: int, end: int, *, new: int, advance: int) -> Window:
        return Window(
            inputs=np.array(self._inputs[:, start:end], np.int64),
            targets=np.array(self._targets[:, start:end], np.int64),
            first=start == 0 and new == end,
            new=new,
            start=start,
            advance=advance,
        )

    def _start(self, index: int) -> int:
        return window_start(index, self.k1, self.k2)


def fit_batch(array_length: int, batch_size: int, k1: int, *, world: int = 1) -> tuple[int, str | None]:
    """Reduce a batch size to what a text is long enough for.

    Args:
        array_length: number of tokens in the text.
        batch_size: the preferred number of streams, in all processes together.
        k1: positions between two steps.
        world: number of processes.

    Returns:
        The largest batch size, at most ``batch_size``, with which each stream has k1 + 1 tokens, or the smallest
        possible (``world``) if there is none; and a note on what was changed, or None.

    Raises:
        CorpusTooSmallError: the text is too short for even one token and its successor per process.
        ArgumentError: a number is not positive, or the batch cannot be divided equally among the processes.
    """
    for name, value in (("batch_size", batch_size), ("k1", k1), ("world", world)):
        if value < 1:
            raise ArgumentError(f"{name} is {value}, but must be at least 1.")
    if batch_size % world:
        raise ArgumentError(
            f"A batch of {batch_size} streams cannot be divided equally among {world} processes: choose a multiple of "
            f"{world}."
        )
    if array_length < world + 1:
        raise CorpusTooSmallError(
            f"The text has {array_length} tokens, but one window needs at least {world + 1}"
            + (f" on {world} processes" if world > 1 else "")
            + " (a token and its successor): give more text."
        )
    fitting = (array_length - 1) // k1 // world * world
    size = max(world, min(batch_size, fitting))
    if size == batch_size and fitting >= batch_size:
        return size, None
    message = f"The text has {array_length:,} tokens"
    if size < batch_size:
        message += f", too few for {batch_size} streams of {k1 + 1}: the batch size is now {size}"
    if fitting < world:
        message += f", and a window is {(array_length - 1) // size} long instead of {k1}"
    return size, message + "."
