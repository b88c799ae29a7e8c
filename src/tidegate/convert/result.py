"""What is found in a file of another program: its recurrent layers as modules, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from tidegate.cells import Cell
from tidegate.convert.built_layers import Form
from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.io.wording import quoted


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """A recurrent layer of a file.

    Attributes:
        name: of the layer, as the file has it.
        module: the same as a module of Tidegate, in evaluation, with time first.
        source: what it is there and where, such as "LSTM of Keras 2.1.6 at model_weights/lstm_1".
        form: its equations.
        notes: what was turned, chosen or left out.
    """

    name: str
    module: nn.Module
    source: str
    form: Form
    notes: tuple[str, ...] = ()
    __repr__ = brief_repr

    def __str__(self) -> str:
        module = self.module
        lines = [f"{self.name}: {self.source} -> {module}", *(f"  {note}" for note in self.notes)]
        cell = getattr(module, "cell", None)
        if isinstance(cell, Cell) and not _is_drop_in(module):
            lines += [f"  {line}" for line in cell.text().splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Converted:
    """The recurrent layers of a file.

    Attributes:
        path: the file.
        format: what it is, in words.
        digest: SHA-256 of the file, in hexadecimal.
        layers: its recurrent layers, in the order of use where the file has it.
        others: the tensors that belong to no recurrent layer, by their names in the file.
        notes: what is to be known about the file as a whole.
    """

    path: Path
    format: str
    digest: str
    layers: Mapping[str, ConvertedLayer]
    others: Mapping[str, Tensor] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    __repr__ = brief_repr

    def __getitem__(self, name: str) -> nn.Module:
        """Return the module of a layer.

        Raises:
            ArgumentError: the file has no recurrent layer of that name.
        """
        if name not in self.layers:
            raise ArgumentError(f"{self.path} has no recurrent layer {quoted(name)}; it has {', '.join(self.layers)}.")
        return self.layers[name].module

    @property
    def module(self) -> nn.Module:
        """The module, of a file with one recurrent layer.

        Raises:
            ArgumentError: it has several.
        """
        if len(self.layers) != 1:
            raise ArgumentError(
                f"{self.path} has {len(self.layers)} recurrent layers ({', '.join(self.layers)}): name one."
            )
        return next(iter(self.layers.values())).module

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.format}", f"sha256 {self.digest}", *self.notes]
        lines += [str(layer) for layer in self.layers.values()]
        if self.others:
            shown = [f"{name} {tuple(value.shape)}" for name, value in self.others.items()]
            more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
            lines.append(f"left out: {', '.join(shown[:12])}{more}")
        return "\n".join(lines)


def _is_drop_in(module: nn.Module) -> bool:
    return isinstance(module, nn.RNNBase | nn.RNNCellBase)
