"""Small modules of users, for tests of what takes any module."""

from typing import Any

from torch import Tensor, nn


class Head(nn.Module):
    """A layer and a linear one after it."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(layer.output_size, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0])
