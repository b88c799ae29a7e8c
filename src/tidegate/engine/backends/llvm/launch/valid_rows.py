"""The steps that are valid, one row after the other: products after the loop need not see the others."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty, zeros


class ValidRows:
    """Which of T * B rows lie within their sequences' lengths.

    Attributes:
        count: how many do.
        places: (T, B), where each stands among them; None if all are valid and stand where they are.
    """

    def __init__(self, steps: int, batch: int, lengths: Tensor | None):
        self.steps, self.batch = steps, batch
        self.count, self.places = steps * batch, None
        if lengths is not None:
            valid = torch.arange(steps)[:, None] < lengths
            self._rows = valid.view(-1).nonzero().view(-1)
            self.count = len(self._rows)
            self.places = (valid.view(-1).cumsum(0) - 1).view(steps, batch)

    def take(self, values: Tensor) -> Tensor:
        """The valid rows of (T, B, ·)."""
        flat = values.flatten(0, 1)
        if self.places is None:
            return flat
        return torch.index_select(flat, 0, self._rows, out=empty((self.count, flat.shape[1]), flat))

    def put(self, rows: Tensor) -> Tensor:
        """Valid rows as (T, B, ·), zeros elsewhere."""
        if self.places is None:
            return rows.view(self.steps, self.batch, rows.shape[1])
        whole = zeros((self.steps * self.batch, rows.shape[1]), rows)
        return whole.index_copy_(0, self._rows, rows).view(self.steps, self.batch, rows.shape[1])
