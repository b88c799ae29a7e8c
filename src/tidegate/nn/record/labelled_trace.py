"""Traces: gates and states of every layer and direction by name, and parts of them with named axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from tidegate.drawing import caption_html, table_html
from tidegate.drawing.brief import brief_repr
from tidegate.drawing.charted import Charted
from tidegate.errors import ArgumentError
from tidegate.nn.record.labelled_array import LabelledArray, Selector, check_place
from tidegate.nn.types import State

A = TypeVar("A", Tensor, NDArray[Any])
Place = tuple[int, int]
"""A layer, and a direction: 0 forward, 1 reverse."""

DIMS: dict[int | None, tuple[str, ...]] = {
    None: ("time", "unit"),
    0: ("batch", "time", "unit"),
    1: ("time", "batch", "unit"),
}


@dataclass(frozen=True)
class Trace(Charted, Generic[A]):
    """Gates and states of recurrent layers over T steps.

    ``trace[layer, direction]`` is a dict from a gate's or state's name to its values, and ``sel`` takes parts of them
    as arrays with named axes. Of ``layer.trace(...)`` the values are tensors in the layout of the input (of a packed
    input: padded, in the caller's order), through which gradients flow; of `tidegate.lens.trace` and
    `tidegate.lens.read` they are NumPy arrays (T, H) of one sequence, in memory, or memory-mapped and read-only.

    Value t is the one after step t was read. In direction 0 the c that went into step t is that of t - 1; in
    direction 1, which reads from the end, that of t + 1.

    Attributes:
        values: gates and states by the cell's names, for each (layer, direction).
        labels: the input of each step as text; empty if unknown.
        output: the output, as ``forward`` returns it; None if it was not kept.
        state: the final states, as ``forward`` returns them; None if they were not kept.
        valid: False at recorded steps that are padding, in the layout of the values with a last dimension of 1; None
            if no step is.
        batch_axis: the axis of the values along which sequences are; None for one sequence without it.
    """

    values: Mapping[Place, Mapping[str, A]]
    labels: Sequence[str] = ()
    output: Tensor | PackedSequence | None = None
    state: State | None = None
    valid: Tensor | None = None
    batch_axis: Literal[0, 1] | None = None

    __repr__ = brief_repr

    def __len__(self) -> int:
        axis = DIMS[self.batch_axis].index("time")
        return self._first().shape[axis] if self.names else len(self.labels)

    def __getitem__(self, place: Place) -> Mapping[str, A]:
        if place not in self.values:
            raise ArgumentError(
                f"There is no layer and direction {place}: there are {', '.join(map(str, self.values))}."
            )
        return self.values[place]

    @property
    def layers(self) -> int:
        """The number of layers."""
        return 1 + max(layer for layer, _ in self.values)

    @property
    def directions(self) -> int:
        """1, or 2 if the layers are bidirectional."""
        return 1 + max(direction for _, direction in self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """The recorded gates and states, in the cell's order."""
        return tuple(self.values[0, 0])

    def sel(
        self,
        *,
        batch: Selector = None,
        layer: Selector = None,
        direction: Selector = None,
        name: str | Sequence[str] | None = None,
        time: Selector = None,
        unit: Selector = None,
    ) -> LabelledArray:
        """Select a part: ``trace.sel(layer=1, direction=0, name="c", unit=87)`` has the one axis "time".

        Padding is left out: one sequence of a batch has its own steps only, and in several NaN stands for padding. The
        values are detached.

        Args:
            batch: one sequence, which drops the axis; a slice or several; None for all. Likewise below.
            layer: layers.
            direction: 0 forward, 1 reverse.
            name: a gate or state, or several.
            time: steps.
            unit: hidden units.

        Raises:
            ArgumentError: there is no such sequence, layer, direction, name, step or hidden unit; or several names or
                layers of different sizes (h and c of layers with ``proj_size``, say) are selected together.
        """
        names = self.names if name is None else (name,) if isinstance(name, str) else tuple(name)
        for one in names:
            if one not in self.names:
                raise ArgumentError(f"There is no {one!r} in the trace: it has {', '.join(self.names)}.")
        layers, directions = _places("layer", layer, self.layers), _places("direction", direction, self.directions)

        def part(at: Place, called: str) -> LabelledArray:
            return self._sequences(_numpy(self.values[at][called]), batch).isel(time=time, unit=unit)

        parts = [[[part((a, b), n) for n in names] for b in directions] for a in layers]
        first = parts[0][0][0]
        dropped = [dim for dim, chosen in (("layer", layer), ("direction", direction)) if isinstance(chosen, int)]
        dropped += ["name"] if isinstance(name, str) else []
        if len(dropped) == 3:
            return first  # as it is, memory-mapped
        if len({it.shape for rows in parts for row in rows for it in row}) > 1:
            at = [f" in layer {k}" if len(layers) > 1 else "" for k in layers]
            wide = ", ".join(
                f"{n} has {self.values[k, 0][n].shape[-1]}{where}"
                for k, where in zip(layers, at, strict=True)
                for n in names
            )
            raise ArgumentError(
                f"Sizes differ: {wide} hidden units; select one name and layer at a time, or units that all have."
            )
        values = np.stack([np.stack([np.stack([it.values for it in row]) for row in rows]) for rows in parts])
        whole = {"layer": layers, "direction": directions, "name": list(names), **first.coords}
        stacked = LabelledArray(values, ("layer", "direction", "name", *first.dims), whole)
        return stacked.isel(**dict.fromkeys(dropped, 0))

    def _sequences(self, values: NDArray[Any], batch: Selector) -> LabelledArray:
        """Return one gate or state of chosen sequences, without padding."""
        whole = LabelledArray(values, DIMS[self.batch_axis], {"time": list(self.labels)} if self.labels else {})
        if self.batch_axis is None:
            if batch is not None:
                raise ArgumentError("The trace is of one sequence, without a batch: leave batch out.")
            return whole
        chosen = whole.isel(batch=batch)
        if self.valid is None:
            return chosen
        valid = LabelledArray(_numpy(self.valid), DIMS[self.batch_axis]).isel(batch=batch, unit=0).values
        if "batch" not in chosen.dims:
            return chosen.isel(time=slice(int(valid.sum())))
        return LabelledArray(np.where(valid[..., np.newaxis], chosen.values, np.nan), chosen.dims, chosen.coords)

    def _repr_html_(self) -> str:
        """Notebook view: what was recorded, and a heat map of the first layer's state."""
        summary = table_html(*(self._about() if self.output is None else self._ranges()), caption="Trace")
        if not self.names:
            return summary
        of = "" if self.batch_axis is None else ", sequence 0"
        caption = caption_html(f"{self._shown_name()} of layer 0{of}:")
        shown = "".join(caption + it._repr_html_() for it in self._shown())
        return f"<div>{summary}{shown}</div>"

    def _about(self) -> tuple[list[list[object]], list[str]]:
        about: dict[str, object] = {
            "steps": len(self),
            "layers": self.layers,
            "directions": self.directions,
            "recorded": " ".join(self.names),
        }
        return [list(about.values())], list(about)

    def _ranges(self) -> tuple[list[list[object]], list[str]]:
        rows: list[list[object]] = []
        for place, recorded in self.values.items():
            for name, value in recorded.items():
                counted = torch.as_tensor(value).detach()
                if self.valid is not None:
                    counted = counted.masked_select(self.valid)
                ends = [float(it) for it in counted.aminmax()] if counted.numel() else ["", ""]
                rows.append([*place, name, " × ".join(map(str, value.shape)), *ends])
        return rows, ["layer", "direction", "value", "shape", "lowest", "highest"]

    def _charts(self) -> list[str]:
        return [chart for it in self._shown() for chart in it._charts()]

    def _first(self) -> A:
        return self.values[0, 0][self.names[0]]

    def _shown(self) -> list[LabelledArray]:
        """Return what a heat map is drawn of: one gate or state, unless there is none or no sequence."""
        sequences = 1 if self.batch_axis is None or not self.names else self._first().shape[self.batch_axis]
        if not self.names or not sequences:
            return []
        first = None if self.batch_axis is None else 0
        return [self.sel(batch=first, layer=0, direction=0, name=self._shown_name())]

    def _shown_name(self) -> str:
        return next((it for it in ("c", "h") if it in self.names), self.names[0])

    def to_numpy(self, name: str, *, layer: int = 0, direction: int = 0) -> NDArray[Any]:
        """Return one gate or state in memory, of one sequence (T, H)."""
        return self.sel(layer=layer, direction=direction, name=name).to_numpy()

    def to_pandas(self, name: str | None = None, *, layer: int = 0, direction: int = 0) -> Any:
        """Return one gate or state, steps as rows and hidden units as columns. Default: all of them, stacked."""
        return self.sel(layer=layer, direction=direction, name=name).to_pandas()


def _numpy(values: Tensor | NDArray[Any]) -> NDArray[Any]:
    if isinstance(values, Tensor):
        whole = values.detach().cpu()
        return (whole.float() if whole.dtype == torch.bfloat16 else whole).numpy()
    return values


def _places(dim: str, chosen: Selector, size: int) -> list[int]:
    if chosen is None or isinstance(chosen, slice):
        return list(range(size))[slice(None) if chosen is None else chosen]
    places = [int(chosen)] if isinstance(chosen, int) else [int(place) for place in chosen]
    for place in places:
        check_place(dim, place, size)
    return [place % size for place in places]
