"""Convert between the caller's layout (unbatched, batch first, packed) and the engine's: (steps, batch, features).

The checks raise the kinds of error that ``torch.nn`` raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tidegate.drawing.brief import brief_repr
from tidegate.engine.kernels.operators.onnx_export import captures_onnx
from tidegate.engine.lengths_and_resets import Lengths, Resets, as_lengths, as_reset
from tidegate.errors import ArgumentError


@dataclass(frozen=True)
class Layout:
    """How the caller's sequences were laid out.

    Attributes:
        batched: whether there was a batch dimension.
        batch_first: whether it came before time.
        packed: the `PackedSequence` given; None for a tensor.
        lengths: (B,) valid steps; None if all steps are valid.
        reset: (T, B) flags; None if not given.
    """

    batched: bool
    batch_first: bool
    packed: PackedSequence | None
    lengths: Tensor | None
    reset: Tensor | None

    __repr__ = brief_repr

    @property
    def batch_axis(self) -> Literal[0, 1] | None:
        """The batch's axis in the caller's layout; None if there is none."""
        return None if not self.batched else 0 if self.batch_first else 1

    def sequences(self, value: Tensor) -> Tensor:
        """Return a (T, B, ·) tensor in the caller's layout; for a packed input, padded and in the caller's order."""
        if not self.batched:
            return value.squeeze(1)
        if self.packed is not None and self.packed.unsorted_indices is not None:
            value = value.index_select(1, self.packed.unsorted_indices)
        if not self.batch_first:
            return value
        value = value.transpose(0, 1)
        # What torch.onnx.export captures of a Linear that reads such a view holds a batch of one in the example fixed.
        return value.clone(memory_format=torch.contiguous_format) if captures_onnx() else value

    def valid(self, steps: int, every: int = 1) -> Tensor | None:
        """Return which of steps 0, every, ... are no padding, (T, B, 1) in the caller's layout; None if all are."""
        if self.lengths is None:
            return None
        recorded = torch.arange(0, steps, every, device=self.lengths.device)
        return self.sequences((recorded.unsqueeze(1) < self.lengths).unsqueeze(2))

    def output(self, value: Tensor) -> Tensor | PackedSequence:
        """Return a (T, B, ·) tensor in the form of the input, packed if that was packed."""
        if self.packed is None:
            return self.sequences(value)
        lengths = _packed_lengths(self.packed.batch_sizes)
        data = pack_padded_sequence(value, lengths).data
        return self.packed._replace(data=data)

    def state(self, value: Tensor) -> Tensor:
        """Return a (layers * directions, B, ·) tensor in the caller's order of sequences."""
        if not self.batched:
            return value.squeeze(1)
        if self.packed is not None and self.packed.unsorted_indices is not None:
            return value.index_select(1, self.packed.unsorted_indices)
        return value

    def state_in(self, value: Tensor) -> Tensor:
        """Return an initial state (layers * directions, B, ·) in the engine's order of sequences."""
        if self.packed is not None and self.packed.sorted_indices is not None:
            return value.index_select(1, self.packed.sorted_indices)
        return value


class EngineInput(NamedTuple):
    """A module's input as the engine takes it.

    Attributes:
        x: (T, B, I).
        state: the initial states (layers * directions, B, ·); None for zeros.
        layout: how the caller's sequences were laid out, with lengths and reset.
        masks: (T, B, H) by name.
    """

    x: Tensor
    state: tuple[Tensor, ...] | None
    layout: Layout
    masks: Mapping[str, Tensor]


def read_input(
    given: Tensor | PackedSequence,
    *,
    batch_first: bool,
    lengths: Lengths | None,
    reset: Resets | None,
    module: str,
) -> tuple[Tensor, Layout]:
    """Return the input as (steps, batch, features), and its layout.

    Raises:
        ValueError: the input is neither 2-D nor 3-D, or lengths or reset are given with a `PackedSequence`.
        RuntimeError: the data of a `PackedSequence` is not 2-D.
    """
    if isinstance(given, PackedSequence):
        if lengths is not None or reset is not None:
            raise ArgumentError(
                f"{module}: a PackedSequence has its own lengths; pass lengths= and reset= only with a tensor."
            )
        if given.data.dim() != 2:
            raise RuntimeError(f"input must have 2 dimensions, got {given.data.dim()}")
        x, sizes = pad_packed_sequence(PackedSequence(given.data, given.batch_sizes))
        return x, Layout(True, batch_first, given, sizes.to(x.device), None)
    if given.dim() not in (2, 3):
        noun = " tensor" if module == "RNN" else ""  # torch's words differ
        raise ValueError(f"{module}: Expected input to be 2D or 3D, got {given.dim()}D{noun} instead")
    batched = given.dim() == 3
    if not batched and lengths is not None:
        raise ArgumentError(
            f"{module}: lengths= needs a batch; the length of an unbatched input is its first dimension."
        )
    x = given.unsqueeze(1) if not batched else given.transpose(0, 1) if batch_first else given
    flags = None if reset is None else as_reset(reset, given.device)
    if flags is not None:
        if flags.shape != given.shape[:-1]:
            raise ArgumentError(
                f"{module}: reset must have the input's shape without features, {tuple(given.shape[:-1])}; "
                f"it has {tuple(flags.shape)}."
            )
        flags = flags.unsqueeze(1) if not batched else flags.transpose(0, 1) if batch_first else flags
    valid = None if lengths is None else as_lengths(lengths, given.device)
    return x, Layout(batched, batch_first, None, valid, flags)


def _packed_lengths(batch_sizes: Tensor) -> Tensor:
    """Return the lengths of a packed sequence in descending order."""
    steps = torch.arange(int(batch_sizes[0]), device=batch_sizes.device).unsqueeze(1)
    return (batch_sizes.unsqueeze(0) > steps).sum(1)
