"""Masks with default values: noise while training, its expectation otherwise, numbers for single hidden units."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.cells import Cell, Noise, PerUnit
from tidegate.errors import ArgumentError


def expected_mask(cell: Cell, name: str, x: Tensor, hidden_size: int) -> Tensor:
    """Default value of a mask that the caller did not pass.

    It is the same at every step: (T, B, H), expanded from one vector (H,).

    Raises:
        ArgumentError: the mask is for a hidden unit that the layer does not have.
    """
    fill = cell.mask_defaults[name]
    row = x.new_full((hidden_size,), fill.mean if isinstance(fill, Noise) else fill.default)
    if isinstance(fill, PerUnit):
        for unit, number in fill.units:
            if unit >= hidden_size:
                raise ArgumentError(
                    f"{cell.name}: mask {name!r} is for hidden unit {unit}; the layer has 0..{hidden_size - 1}."
                )
            row[unit] = number
    return row.expand(*x.shape[:2], hidden_size)


def draw_masks(cell: Cell, x: Tensor, hidden_size: int) -> dict[str, Tensor]:
    """Draw the noise of one training run: (T, B, H) for each mask that is noise, from torch's random numbers.

    Masks of other kinds have their default value in `tidegate.engine.run`.
    """
    return {name: _draw(fill, x, hidden_size) for name, fill in cell.mask_defaults.items() if isinstance(fill, Noise)}


def _draw(fill: Noise, x: Tensor, hidden_size: int) -> Tensor:
    steps, batch = x.shape[:2]
    chance = x.new_full((1 if fill.per_sequence else steps, batch, hidden_size), fill.probability)
    drawn = torch.bernoulli(chance)
    if fill.probability:
        drawn = drawn * (fill.mean / fill.probability)
    return drawn.expand(steps, batch, hidden_size)
