"""The masks of a layer's steps: from the caller's layout to the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from tidegate.engine.precision import HALF
from tidegate.errors import ArgumentError
from tidegate.nn.layout import Layout
from tidegate.nn.types import StackedLayers

Masks = Mapping[str, Tensor | PackedSequence]


def read_masks(module: StackedLayers, masks: Masks | None, x: Tensor, layout: Layout) -> dict[str, Tensor]:
    """Return masks as (T, B, H).

    Args:
        module: the layers; each takes those of the masks that its cell has.
        masks: by name, each laid out as the module's input, with one number for each hidden unit or, without that
            dimension, one number for all.
        x: the input, (T, B, I).
        layout: how the input was laid out.

    Raises:
        ArgumentError: no cell has a mask of that name, or its shape, dtype or device does not fit the input.
    """
    if not masks:
        return {}
    _check_names(module, masks)
    return {name: _read(name, mask, module, x, layout) for name, mask in masks.items()}


def read_step_masks(
    module: StackedLayers, masks: Mapping[str, Tensor], required: tuple[str, ...], like: Tensor
) -> dict[str, Tensor]:
    """Return the masks of one step, (B, H), in the dtype of its input.

    Args:
        module: the layers.
        masks: by name, (B, H), or (B,) for one number for all hidden units.
        required: the masks that have no default value.
        like: a tensor like the input of the step.

    Raises:
        ArgumentError: a mask is missing or unknown, or its shape, dtype or device does not fit the input.
    """
    _check_names(module, masks)
    if missing := [name for name in required if name not in masks]:
        raise ArgumentError(f"The masks {', '.join(missing)} have no default value: pass masks= at every step.")
    batch, hidden = len(like), module.hidden_size
    found = {}
    for name, given in masks.items():
        mask = given.unsqueeze(-1) if given.dim() == 1 else given
        if mask.dim() != 2 or mask.shape[0] != batch or mask.shape[1] not in _widths(module):
            shapes = " or ".join(str((batch, width)) if width > 1 else str((batch,)) for width in _widths(module))
            raise ArgumentError(f"mask {name!r} must be of shape {shapes}; it has {tuple(given.shape)}.")
        found[name] = _like_input(name, mask.detach(), like).to(like.dtype).expand(batch, hidden)
    return found


def _check_names(module: StackedLayers, masks: Mapping[str, object]) -> None:
    """Check that each mask is one of some layer's cell.

    Raises:
        ArgumentError: one is not.
    """
    places = product(range(module.num_layers), range(1 + module.bidirectional))
    known = {name: None for layer, direction in places for name in module.layer_cell(layer, direction).masks}
    if unknown := [name for name in masks if name not in known]:
        has = f"has the masks {', '.join(known)}" if known else "has no masks"
        raise ArgumentError(f"{module.layer_cell(0).name} {has}; given {', '.join(map(repr, unknown))}.")


def _widths(module: StackedLayers) -> tuple[int, ...]:
    """Return how many numbers a mask may have: one for all hidden units or one for each, if all layers have as many."""
    alike = all(module.layer_size(layer) == module.hidden_size for layer in range(module.num_layers))
    return (1, module.hidden_size) if alike else (1,)


def _like_input(name: str, mask: Tensor, x: Tensor) -> Tensor:
    """Return a mask in the input's dtype if it is bool, else as it is.

    Raises:
        ArgumentError: it has another dtype, or is on another device.
    """
    if mask.device != x.device:
        raise ArgumentError(f"mask {name!r} is on {mask.device}, the input on {x.device}.")
    if mask.dtype == torch.bool:
        return mask.to(x.dtype)
    # Half precision is computed in float32, so there a mask in float32 loses nothing.
    allowed = (x.dtype, torch.float32) if x.dtype in HALF else (x.dtype,)
    if mask.dtype not in allowed and not torch.is_autocast_enabled(x.device.type):
        raise ArgumentError(
            f"mask {name!r} has dtype {mask.dtype}, the input {x.dtype}; convert it: mask.to({x.dtype}). (Differences "
            "of large numbers, such as times, are best taken before.)"
        )
    return mask


def _read(name: str, given: Tensor | PackedSequence, module: StackedLayers, x: Tensor, layout: Layout) -> Tensor:
    hidden, widths = module.hidden_size, _widths(module)
    if isinstance(given, PackedSequence) != (layout.packed is not None):
        wanted = "PackedSequence" if layout.packed is not None else "tensor"
        raise ArgumentError(f"mask {name!r} must be a {wanted}, as the input is; given {type(given).__name__}.")
    if isinstance(given, PackedSequence):
        _check_packed_alike(name, given, layout)
        if given.data.dim() not in (1, 2):
            raise ArgumentError(
                f"mask {name!r}: its data must be (N,) or (N, {hidden}); it is {tuple(given.data.shape)}."
            )
        data = given.data if given.data.dim() == 2 else given.data.unsqueeze(-1)
        mask, shape = pad_packed_sequence(PackedSequence(data, given.batch_sizes))[0], (len(given.data),)
    else:
        shape = (x.shape[0],) if not layout.batched else (x.shape[:2][::-1] if layout.batch_first else x.shape[:2])
        mask = given if given.dim() > len(shape) else given.unsqueeze(-1)
        if mask.shape[:-1] == shape:
            mask = mask.unsqueeze(1) if not layout.batched else mask.transpose(0, 1) if layout.batch_first else mask
    if mask.shape[:-1] != x.shape[:2] or mask.shape[-1] not in widths:
        has = given.data if isinstance(given, PackedSequence) else given
        each = f", or one number for each hidden unit, {(*shape, hidden)}" if hidden in widths else ""
        raise ArgumentError(
            f"mask {name!r} must have the input's shape without features, {tuple(shape)}{each}; it has "
            f"{tuple(has.shape)}."
        )
    return _like_input(name, mask, x).expand(*x.shape[:2], hidden)


def _check_packed_alike(name: str, given: PackedSequence, layout: Layout) -> None:
    own = layout.packed
    assert own is not None
    pairs = ((given.batch_sizes, own.batch_sizes), (given.sorted_indices, own.sorted_indices))
    if any((a is None) != (b is None) or (a is not None and b is not None and not torch.equal(a, b)) for a, b in pairs):
        raise ArgumentError(f"mask {name!r} must be packed as the input is: with the same lengths, in the same order.")
