"""What a saved layer says of itself: all arguments of its constructor, and its cell by name, digest and equations."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from tidegate.cells import Cell, get_cell, with_heads
from tidegate.errors import ArgumentError, CellError, RunFolderError
from tidegate.io.records import stored_unless
from tidegate.io.wording import quoted

Kind = Literal["Recurrent", "LSTM", "GRU", "RNN"]
SHARED = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
OWN = ("init", "forget_bias", "recompute")
MOST = 2**31 - 1  # of any size; torch's own errors for sizes beyond 64 bits are of many kinds
MORE: dict[str, tuple[str, ...]] = {
    "Recurrent": ("proj_size", "learn_initial_state"),
    "LSTM": ("proj_size",),
    "GRU": (),
    "RNN": ("nonlinearity",),
}


@dataclass(frozen=True)
class LayerRecord:
    """The contents of ``config.json`` beside a layer's parameters.

    Attributes:
        kind: the class, of `tidegate.nn`.
        cell: name of the cell.
        cell_digest: digest of its equations.
        equations: the same as text, for people: no cell is made from them.
        input_size: as in the constructor, like all others from here on.
        dtype: of the parameters.
        cell_masks: default values of the cell's masks, as JSON; the equations do not have them.
        cell_bias: whether the cell's gates have biases.
        layer_sizes: hidden units of each layer if they differ, such as "8,6".
    """

    kind: Kind
    cell: str
    cell_digest: str
    equations: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    init: Literal["torch", "keras"]
    forget_bias: float | None
    recompute: bool
    dtype: Literal["float32", "float64", "float16", "bfloat16"]
    proj_size: int = dataclasses.field(default=0, metadata=stored_unless(0))
    nonlinearity: Literal["tanh", "relu"] | None = dataclasses.field(default=None, metadata=stored_unless(None))
    learn_initial_state: bool = dataclasses.field(default=False, metadata=stored_unless(False))
    heads: int = dataclasses.field(default=1, metadata=stored_unless(1))
    layer_sizes: str | None = dataclasses.field(default=None, metadata=stored_unless(None))
    cell_masks: str = dataclasses.field(default="{}", metadata=stored_unless("{}"))
    cell_bias: bool = dataclasses.field(default=True, metadata=stored_unless(True))

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of the parameters."""
        return getattr(torch, self.dtype)

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return self.num_layers if self.layer_sizes is None else self.layer_sizes.count(",") + 1

    def arguments(self, cell: Cell | None, path: Path) -> dict[str, Any]:
        """Return the arguments of the class's constructor.

        Args:
            cell: a cell to use, whose equations must be those of the record. Default: the one of that name.
            path: the record's file, for messages.

        Raises:
            ArgumentError: a cell is needed, or not used.
            RunFolderError: a size is none.
        """
        for name in ("input_size", "hidden_size", "num_layers", "proj_size", "heads"):
            if not 0 <= getattr(self, name) <= MOST:
                raise RunFolderError(f"{path}: {name} should lie in 0..{MOST}, but is {getattr(self, name)}.")
        made = {name: getattr(self, name) for name in (*SHARED, *OWN, *MORE[self.kind])}
        if self.layer_sizes is not None:
            sizes = self.layer_sizes.split(",")
            if not all(it.isascii() and it.isdigit() and len(it) < 10 for it in sizes):
                raise RunFolderError(f"{path}: layer_sizes is {quoted(self.layer_sizes)}, but should be like '8,6'.")
            made |= {"hidden_size": [int(it) for it in sizes]}
        if self.kind == "Recurrent":
            return made | {"cell": self._cell(cell, path), "heads": self.heads}
        if cell is not None:
            raise ArgumentError(f"{path} describes an {self.kind}, whose cell is its own: leave cell out.")
        return made

    def _cell(self, given: Cell | None, path: Path) -> Cell:
        needs = (
            f"{path} describes layers of the cell {quoted(self.cell)} with the equations\n\n{self.equations}\n\n"
            "A cell is not made from text: give the one that they were trained with, cell=my_cell"
        )
        try:
            found = get_cell(self.cell) if given is None else given
        except CellError as error:
            raise ArgumentError(f"{needs}.") from error
        if (found.digest, masks_of(found), found.bias) != (self.cell_digest, self.cell_masks, self.cell_bias):
            raise ArgumentError(f"{needs}; {found.name!r} has other equations or other default values of masks.")
        return found


def record_of(layer: Any, kind: Kind) -> LayerRecord:
    """Return what describes a layer.

    Raises:
        ArgumentError: its parameters are of several dtypes, or of one that cannot be saved.
    """
    cell, heads = base_cell(layer.cell, projected=bool(layer.proj_size)) if kind == "Recurrent" else (layer.cell, 1)
    dtypes = {str(it.dtype).removeprefix("torch.") for it in layer.parameters()}
    if len(dtypes) != 1 or not dtypes <= {"float32", "float64", "float16", "bfloat16"}:
        raise ArgumentError(
            f"The parameters are {', '.join(sorted(dtypes))}: give them one floating-point dtype first."
        )
    sizes = getattr(layer, "sizes", None)
    return LayerRecord(
        kind=kind,
        cell=cell.name,
        cell_digest=cell.digest,
        equations=cell.text(),
        dtype=dtypes.pop(),  # type: ignore[arg-type]
        heads=heads,
        layer_sizes=None if sizes is None else ",".join(map(str, sizes)),
        cell_masks=masks_of(cell),
        cell_bias=cell.bias,
        **{name: getattr(layer, name) for name in (*SHARED, *OWN, *MORE[kind])},
    )


def base_cell(cell: Cell, *, projected: bool) -> tuple[Cell, int]:
    """Return the cell that a `Recurrent` was given, and its number of heads, which the layer has put around it."""
    if projected and cell.recipe is not None:
        cell = cell.recipe[1][0]
    if cell.recipe is not None and cell.recipe[0] is with_heads:
        inner, heads = cell.recipe[1]
        return inner, heads
    return cell, 1


def masks_of(cell: Cell) -> str:
    """Return the default values of a cell's masks as JSON."""
    values = {name: dataclasses.asdict(mask) for name, mask in cell.mask_defaults.items()}
    return json.dumps(values, sort_keys=True)
