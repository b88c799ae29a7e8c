"""What the parts of this package know of a module of layers, without importing its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from tidegate.cells import Cell
from tidegate.engine import Backend, Weights

State = Tensor | tuple[Tensor, ...]


class StackedLayers(Protocol):
    """Layers of a cell in one or two directions, as `tidegate.nn.Layered` has them."""

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    locked_dropout: bool
    bidirectional: bool
    backend: str | Backend | None
    recompute: bool
    training: bool
    times_loaded: int

    @property
    def output_size(self) -> int:
        """Features of the output, of all directions together."""
        ...

    def layer_size(self, layer: int) -> int:
        """Return the number of hidden units of a layer; ``hidden_size`` is the largest."""
        ...

    def layer_output_size(self, layer: int) -> int:
        """Return the number of features of a layer's output, of all directions together."""
        ...

    def layer_cell(self, layer: int, direction: int = 0) -> Cell:
        """Return the cell that a layer runs in a direction."""
        ...

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction."""
        ...

    def packed_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction, with what kernels have packed of them if it is kept."""
        ...

    def initial_state(self, batch: int) -> tuple[Tensor, ...] | None:
        """Return the states (layers * directions, B, ·) with which a call without ``hx`` begins; None for zeros."""
        ...

    def refresh_weights(self) -> None:
        """Compute the weights that forward pre-hooks compute, as a call would."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Iterate over all parameters, as ``torch.nn.Module`` does."""
        ...

    def modules(self) -> Iterator[nn.Module]:
        """Iterate over the module and those inside it, as ``torch.nn.Module`` does."""
        ...
