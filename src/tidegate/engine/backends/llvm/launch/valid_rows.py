"""The rows of valid steps, without padding, for the products after the loop."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty, zeros


class ValidRows:
    """The rows, of T * B, that lie within their sequences' lengths.

    Attributes:
        count: how many there are.
        places: (T, B), the position of each among them; None if all rows are valid.
    """

    def __init__(self, steps: int, batch: int, lengths: Tensor | None):
        self.steps, self.batch = steps, batch
        self.count, self.places = steps * batch, None
        if lengths is not None:
            valid = torch.arange(steps)[:, None] < lengths
            self._rows = valid.view(-1).nonzero().view(-1)
            self.count = len(self._rows)
            self.places = (valid.view(-1).cumsum(0) - 1).view(steps, batch)

    def select(self, values: Tensor) -> Tensor:
        """Return the valid rows of a (T, B, ·) tensor, (count, ·)."""
        flat = values.flatten(0, 1)
        if self.places is None:
            return flat
        return torch.index_select(flat, 0, self._rows, out=empty((self.count, flat.shape[1]), flat))

    def scatter(self, rows: Tensor) -> Tensor:
        """Return a (T, B, ·) tensor with the valid rows (count, ·) and zeros elsewhere."""
        if self.places is None:
            return rows.view(self.steps, self.batch, rows.shape[1])
        whole = zeros((self.steps * self.batch, rows.shape[1]), rows)
        return whole.index_copy_(0, self._rows, rows).view(self.steps, self.batch, rows.shape[1])
