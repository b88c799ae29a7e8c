"""The windows of an epoch as the training loop's batches: all of one length, or of random lengths."""

import numpy as np
from numpy.typing import NDArray

from tidegate.text.corpus.streams import Streams, Window

HALVED, SPREAD, SHORTEST = 0.05, 5.0, 5  # as in the program of Merity et al.


class StreamBatches:
    """Windows of ``k1`` positions, the same in every epoch."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def __len__(self) -> int:
        return len(self.streams)

    def batch(self, epoch: int, index: int) -> Window:
        """Return a window."""
        return self.streams.window(index)

    def predictions(self, epoch: int, index: int) -> int:
        """Count the predictions of window ``index``, in all processes together."""
        left = self.streams.positions - index * self.streams.k1
        return min(self.streams.k1, left) * self.streams.batch_size


class RandomWindows(StreamBatches):
    """Windows of random lengths (Merity, Keskar & Socher 2018, section 5), so that epochs cut the text at other places.

    A length is drawn from N(k1, 5), with probability 0.05 from N(k1 / 2, 5), and is at least 5. Those of an epoch are
    then scaled a little, so that each epoch reads all positions in the same number of windows. They are a function of
    seed and epoch.

    Args:
        streams: the streams; their k2 is their k1.
        seed: the run's seed.
    """

    def __init__(self, streams: Streams, seed: int) -> None:
        super().__init__(streams)
        self.seed = seed
        self._count = max(1, round(streams.positions / ((1 - HALVED / 2) * streams.k1)))
        self._epoch, self._ends = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        return self._count

    def batch(self, epoch: int, index: int) -> Window:
        """Return a window."""
        ends = self._ends_of(epoch)
        return self.streams.between(int(ends[index]), int(ends[index + 1]))

    def predictions(self, epoch: int, index: int) -> int:
        """Count the predictions of window ``index``, in all processes together."""
        ends = self._ends_of(epoch)
        return int(ends[index + 1] - ends[index]) * self.streams.batch_size

    def _ends_of(self, epoch: int) -> NDArray[np.int64]:
        """Return 0 and where each window of an epoch ends."""
        if epoch != self._epoch:
            draw = np.random.default_rng((self.seed, epoch))
            typical = np.where(draw.random(self._count) < HALVED, self.streams.k1 / 2, self.streams.k1)
            lengths = np.maximum(draw.normal(typical, SPREAD), SHORTEST)
            ends = np.append(0, np.cumsum(lengths))
            self._epoch, self._ends = epoch, np.rint(ends * (self.streams.positions / ends[-1])).astype(np.int64)
        return self._ends
