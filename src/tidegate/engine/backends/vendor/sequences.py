"""Lengths and direction for layers that have neither: which steps are read, in which order."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """The valid steps of a batch in the order of a ``PackedSequence``: step by step, the longest sequence first.

    Attributes:
        rows: where each of them is among the steps * sequences of the batch.
        sequences: those with at least one step, the longest first.
        batch_sizes: the number of sequences that have a first, second, ... step; on the CPU.
    """

    rows: Tensor
    sequences: Tensor
    batch_sizes: Tensor


def packing(lengths: Tensor, *, reverse: bool) -> Packing:
    """Return the valid steps of sequences (B,) in the order in which they are read."""
    own = lengths.cpu()
    longest_first = own.argsort(descending=True, stable=True)
    sequences = longest_first[own[longest_first] > 0]
    ends = own[sequences]
    step = torch.arange(int(ends.max()) if len(ends) else 0)[:, None]
    valid = step < ends
    at = (ends - 1 - step if reverse else step.expand_as(valid)) * len(own) + sequences
    return Packing(at[valid].to(lengths.device), sequences.to(lengths.device), valid.sum(1))


def packed(x: Tensor, order: Packing) -> Tensor:
    """Return the valid steps of x (T, B, ·)."""
    return x.flatten(0, 1).index_select(0, order.rows)


def padded(data: Tensor, order: Packing, steps: int, batch: int) -> Tensor:
    """Return valid steps as (T, B, ·), zero past the lengths."""
    empty = data.new_zeros(steps * batch, data.shape[1])
    return empty.index_copy(0, order.rows, data).unflatten(0, (steps, batch))
