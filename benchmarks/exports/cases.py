"""The models whose exports are timed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.drawing.brief import brief_repr

FRAMES = 64  # of the input, which are read in turn


@dataclass(frozen=True)
class Case:
    """A model that reads a sequence.

    Attributes:
        name: what the table calls it.
        model: recurrent layers of torch.nn, Linear and activations, one after another.
        x: a sequence, (T, I).
        steps: that a call reads.
    """

    name: str
    model: nn.Sequential
    x: Tensor = field(repr=False)
    steps: int = 1

    __repr__ = brief_repr

    def expected(self) -> Tensor:
        """Return the outputs for the whole sequence, (T, outputs)."""
        values = self.x[:, None]
        with torch.no_grad():
            for part in self.model:
                made = part(values)
                values = made[0] if isinstance(made, tuple) else made
        return values[:, 0]


def case(name: str, *parts: nn.Module, steps: int = 1) -> Case:
    """Return a case with an input that looks like frames of a signal."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(*parts).eval()
    first: Any = model[0]
    inputs = int(first.in_features if isinstance(first, nn.Linear) else first.input_size)
    return Case(name, model, torch.rand(FRAMES if steps == 1 else steps, inputs, generator=generator) - 0.5, steps)


def lstm(size: int, steps: int = 1) -> Case:
    """Return a case of one LSTM that reads as many numbers as it has units."""
    what = "one step" if steps == 1 else f"{steps} steps in one block"
    return case(f"LSTM {size}, {what}", nn.LSTM(size, size), steps=steps)


def denoiser() -> Case:
    """Return three GRUs of 256 between dense layers: 42 features of a frame to 22 gains of bands and one of speech."""
    parts = [nn.Linear(42, 128), nn.Tanh(), nn.GRU(128, 256), nn.GRU(256, 256), nn.GRU(256, 256)]
    return case("three GRUs of 256 with dense heads, a frame", *parts, nn.Linear(256, 23), nn.Sigmoid())


def amplifier(size: int) -> Case:
    """Return an LSTM that reads one sample and writes one."""
    return case(f"LSTM {size} with a head, one audio sample", nn.LSTM(1, size), nn.Linear(size, 1))
