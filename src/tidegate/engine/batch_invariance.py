"""Results of a sequence that do not depend on its batch, where a program asks for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# A number that all threads share: torch.compile compiles again when it changes, and does not notice changes of a
# `threading.local`. A counter, so that it stays on until the last of several threads has left.
_asked = [0]
_LOCK = threading.Lock()


@contextmanager
def batch_invariant() -> Iterator[None]:
    """Make the results of a sequence the same to the bit in every batch.

    Usually the number of sequences decides in which order products are summed, so that one computed alone and the same
    one in a batch agree only to rounding. Inside this context there is one order: a sequence's outputs, states and
    records, and the gradients of its input and initial states, do not depend on which other sequences are in the batch,
    on how many there are, or on their lengths. A stepper made inside it computes what a run computes, to the bit.
    A backward is computed as its forward was, inside or outside of the context.

    Only the CPU kernels can do this; calls that need another backend are refused (`tidegate.errors.BackendError`). The
    gradients of weights are sums over the sequences, and stay so; layers of ``torch.nn`` are PyTorch's, which promises
    nothing of the kind.

    It holds for all threads of the process until the last of them has left. With one or two sequences a run may take
    somewhat longer; with many it takes as long as ever.

    Example:
        >>> import torch, tidegate
        >>> layer, x = tidegate.nn.LSTM(8, 16), torch.randn(5, 3, 8)
        >>> with torch.no_grad(), tidegate.batch_invariant():
        ...     print(torch.equal(layer(x)[0][:, :1], layer(x[:, :1])[0]))
        True
    """
    with _LOCK:
        _asked[0] += 1
    try:
        yield
    finally:
        with _LOCK:
            _asked[0] -= 1


def is_batch_invariant() -> bool:
    """Whether results are to be the same in every batch."""
    return _asked[0] > 0
