"""Layers of every cell, and of random ones, with weights, an input and what they give exactly."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass, field

import torch
from tests.engine.random_cells import random_cell
from torch import Tensor

from tidegate.cells import CELLS, Cell, Noise, get_cell
from tidegate.drawing.brief import brief_repr
from tidegate.nn import Recurrent

INPUTS, UNITS, OUTPUTS, STEPS = 5, 53, 11, 40
RANDOM = 20


@dataclass(frozen=True)
class Sample:
    """A layer.

    Attributes:
        name: an identifier of C.
        layer: the layer, on the reference.
        x: one sequence, (T, I).
        masks: what the cell is given at every step besides, by name, (T, 1).
        exact: its outputs in float64.
    """

    name: str
    layer: Recurrent
    x: Tensor
    masks: dict[str, Tensor]
    exact: Tensor = field(repr=False)

    __repr__ = brief_repr

    def difference(self, found: Tensor) -> float:
        """Return the greatest difference from the exact outputs, relative to the largest of these."""
        return float((found.double() - self.exact).abs().max() / self.exact.abs().max())

    def in_python(self) -> Tensor:
        """Return the outputs of the layer as it is used, in float32 on the backend that is chosen by default."""
        usual = copy.deepcopy(self.layer)
        usual.backend = None
        with torch.no_grad():
            return usual(self.x[:, None], masks=self.masks)[0][:, 0]


def samples() -> list[Sample]:
    """Return a layer of every cell of the registry, and of random cells."""
    own = [sample(get_cell(name), name) for name in CELLS]
    drawn = (sample(random_cell(seed), f"random_{seed}") for seed in itertools.count())
    telling = (it for it in drawn if 0 < float(it.exact.std()) < math.inf)  # others overflow, or are constant
    return [*own, *itertools.islice(telling, RANDOM)]


def sample(cell: Cell, name: str) -> Sample:
    """Return a layer of a cell, with weights with which its states stay in bounds and still move."""
    generator = torch.Generator().manual_seed(0)
    size = 0
    if cell.projected:  # a layer projects by itself, where all recurrent products are with its output
        size = OUTPUTS if cell.direct_gates == cell.recurrent_gates else 0
        assert cell.recipe is not None
        cell = cell.recipe[1][0]
    layer = Recurrent(cell, INPUTS, UNITS, proj_size=size, backend="reference").eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            columns = parameter.shape[1] if parameter.ndim > 1 else 2.25
            parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * 1.5 / columns**0.5)
        x = torch.randn(STEPS, INPUTS, generator=generator)
        masks = {
            it: torch.rand(STEPS, 1, generator=generator)
            for it in cell.masks
            if not isinstance(cell.mask_defaults.get(it), Noise)
        }
        fine = {it: mask.double() for it, mask in masks.items()}
        exact = copy.deepcopy(layer).double()(x[:, None].double(), masks=fine)[0][:, 0]
    return Sample(name, layer, x, masks, exact)
