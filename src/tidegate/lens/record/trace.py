"""Traces: every gate and state of every layer, direction and step by name, in memory or on disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing import caption_html, table_html
from tidegate.drawing.brief import brief_repr
from tidegate.engine.record import as_record
from tidegate.errors import ArgumentError, RunFolderError
from tidegate.io.arrays import open_array, write_array_header
from tidegate.io.files import field, named_errors, read_json, replacing
from tidegate.lens.notebook import Charted
from tidegate.lens.record.labelled_array import LabelledArray, Selector, check_place
from tidegate.nn.evaluating import evaluating
from tidegate.nn.layered import Layered, State

Place = tuple[int, int]
"""A layer, and a direction: 0 forward, 1 reverse."""

KIND, VERSION, INDEX = "tidegate trace", 1, "trace.json"
CHUNK = 2048  # steps run at once: bounds the memory besides the trace; each run packs the weights anew


@dataclass(frozen=True)
class Trace(Charted):
    """Gates and states of recurrent layers over one sequence of T steps.

    Value t is the one after step t was read. In direction 0 the c that went into step t is that of t - 1; in
    direction 1, which reads from the end, that of t + 1.

    Attributes:
        values: for each (layer, direction), gates and states (T, H) by the cell's names; arrays in memory, or
            memory-mapped and read-only.
        labels: the input of each step as text; empty if unknown.
    """

    values: Mapping[Place, Mapping[str, NDArray[Any]]]
    labels: Sequence[str] = ()

    __repr__ = brief_repr

    def __len__(self) -> int:
        return next((len(it) for it in self.values[0, 0].values()), len(self.labels))  # it may have labels only

    def __getitem__(self, place: Place) -> Mapping[str, NDArray[Any]]:
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
        layer: Selector = None,
        direction: Selector = None,
        name: str | Sequence[str] | None = None,
        time: Selector = None,
        unit: Selector = None,
    ) -> LabelledArray:
        """Select a part: ``trace.sel(layer=1, direction=0, name="c", unit=87)`` has the one axis "time".

        Args:
            layer: one, which drops the axis; a slice or several; None for all. Likewise below.
            direction: 0 forward, 1 reverse.
            name: a gate or state, or several.
            time: steps.
            unit: hidden units.

        Raises:
            ArgumentError: there is no such layer, direction, name, step or hidden unit; or several names or
                layers of different sizes (h and c of layers with ``proj_size``, say) are selected together.
        """
        names = self.names if name is None else (name,) if isinstance(name, str) else tuple(name)
        for one in names:
            if one not in self.names:
                raise ArgumentError(f"There is no {one!r} in the trace: it has {', '.join(self.names)}.")
        layers, directions = _places("layer", layer, self.layers), _places("direction", direction, self.directions)
        coords = {"time": list(self.labels)} if self.labels else {}

        def part(at: Place, called: str) -> LabelledArray:
            return LabelledArray(self.values[at][called], ("time", "unit"), coords).isel(time=time, unit=unit)

        parts = [[[part((a, b), n) for n in names] for b in directions] for a in layers]
        first = parts[0][0][0]
        dropped = [dim for dim, chosen in (("layer", layer), ("direction", direction)) if isinstance(chosen, int)]
        dropped += ["name"] if isinstance(name, str) else []
        if len(dropped) == 3:
            return first  # as it is, memory-mapped
        if len({it.shape for rows in parts for row in rows for it in row}) > 1:
            at = [f" in layer {k}" if len(layers) > 1 else "" for k in layers]
            wide = ", ".join(
                f"{n} has {self.values[k, 0][n].shape[1]}{where}"
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

    def _repr_html_(self) -> str:
        """Notebook view: what was recorded, and a heat map of the first layer's state."""
        about = {
            "steps": len(self),
            "layers": self.layers,
            "directions": self.directions,
            "recorded": " ".join(self.names),
        }
        summary = table_html([list(about.values())], list(about), caption="Trace")
        if not self.names:
            return summary
        name = self._shown_name()
        shown = self.sel(layer=0, direction=0, name=name)
        return f"<div>{summary}{caption_html(f'{name} of layer 0:')}{shown._repr_html_()}</div>"

    def _charts(self) -> list[str]:
        return self.sel(layer=0, direction=0, name=self._shown_name())._charts() if self.names else []

    def _shown_name(self) -> str:
        return next((it for it in ("c", "h") if it in self.names), self.names[0])

    def to_numpy(self, name: str, *, layer: int = 0, direction: int = 0) -> NDArray[Any]:
        """Return one gate or state (T, H) in memory."""
        return self.sel(layer=layer, direction=direction, name=name).to_numpy()

    def to_pandas(self, name: str | None = None, *, layer: int = 0, direction: int = 0) -> Any:
        """Return one gate or state, steps as rows and hidden units as columns. Default: all of them, stacked."""
        return self.sel(layer=layer, direction=direction, name=name).to_pandas()


def _places(dim: str, chosen: Selector, size: int) -> list[int]:
    if chosen is None or isinstance(chosen, slice):
        return list(range(size))[slice(None) if chosen is None else chosen]
    places = [int(chosen)] if isinstance(chosen, int) else [int(place) for place in chosen]
    for place in places:
        check_place(dim, place, size)
    return [place % size for place in places]


def trace(
    layer: Layered,
    inputs: Tensor,
    hx: State | None = None,
    *,
    masks: Mapping[str, Tensor] | None = None,
    names: str | Sequence[str] = "all",
    labels: Sequence[str] = (),
    folder: str | Path | None = None,
    dtype: Any = np.float32,
) -> Trace:
    """Run recurrent layers over one sequence and record their gates and states.

    Args:
        layer: any recurrent module of `tidegate.nn`.
        inputs: (T, I), T at least 1.
        hx: the states before the first step, each (layers * directions, 1, ·). Default: zeros.
        masks: of the cell, each (T,) or (T, H). Default: their default values.
        names: which of ``layer.cell.recorded``, at least one.
        labels: the input of each step as text.
        folder: store the values there, memory-mapped, instead of in memory; `open_trace` opens them again.
        dtype: dtype of the values; float16 suffices for display and takes half the space. Just below 1 its numbers are
            0.0005 apart, and a gate of 0.9999 becomes 1: `memory_time` of long times needs float32.

    Raises:
        ArgumentError: the cell records no such name, ``names`` is empty, or there are no steps.
    """
    if not names:
        raise ArgumentError(f"names is empty: give some of {', '.join(layer.cell.recorded)}.")
    if inputs.dim() != 2:
        raise ArgumentError(f"inputs should be one sequence (T, I), but are of shape {tuple(inputs.shape)}.")
    batch, time = (0, 1) if layer.batch_first else (1, 0)
    whole = {name: mask.unsqueeze(batch) for name, mask in (masks or {}).items()}
    x = inputs.unsqueeze(batch)
    steps = len(inputs) if layer.bidirectional else CHUNK  # the reverse direction begins at the end
    state = hx
    writing = TraceWriter(layer, len(inputs), names, folder=folder, dtype=dtype)
    with evaluating(layer), writing as writer, torch.inference_mode():
        for start in range(0, len(inputs), steps):
            length = min(steps, len(inputs) - start)
            own = {name: mask.narrow(time, start, length) for name, mask in whole.items()}
            made = layer.trace(x.narrow(time, start, length), state, masks=own or None, names=writer.names)
            writer.add(made.values, batch_first=layer.batch_first)
            state = made.state
        return writer.finish(labels)


class TraceWriter:
    """Writes a trace chunk by chunk, to memory or to files.

    Args:
        layer: the recurrent layers.
        steps: T, at least 1.
        names: which of ``layer.cell.recorded``.
        folder: folder of the files; None for memory.
        dtype: dtype of the values.
    """

    def __init__(
        self, layer: Layered, steps: int, names: str | Sequence[str], *, folder: str | Path | None, dtype: Any
    ) -> None:
        if steps < 1:
            raise ArgumentError("There is nothing to trace: give at least one step.")
        record = as_record(layer.cell, names)
        folder = None if folder is None else Path(folder)
        self.names, self.folder, self.written = record.names if record else (), folder, 0
        self.kind, self.steps = np.dtype(dtype), steps
        places = [(k, d) for k in range(layer.num_layers) for d in range(1 + layer.bidirectional)]
        self.values: dict[Place, dict[str, NDArray[Any]]] = {at: {} for at in places}
        self._files: dict[tuple[Place, str], BinaryIO] = {}
        for at in places:
            for name in self.names:
                projected = layer.proj_size if name == layer.cell.states[0] else 0
                shape = (steps, projected or layer.layer_size(at[0]))
                if folder is None:
                    self.values[at][name] = np.empty(shape, self.kind)
                else:
                    folder.mkdir(parents=True, exist_ok=True)
                    self._files[at, name] = file = (folder / _file(at, name)).open("wb", buffering=0)
                    write_array_header(file, self.kind, shape)

    def add(self, values: Mapping[Place, Mapping[str, Tensor]], *, batch_first: bool = False) -> None:
        """Add the next chunk's values, of a batch of one."""
        steps = 0
        for at, named in values.items():
            for name, value in named.items():
                one = value[0] if batch_first else value[:, 0]
                steps = len(one)
                if self.folder is None:
                    torch.from_numpy(self.values[at][name][self.written : self.written + steps]).copy_(one)
                else:  # written, not copied into a map: page faults would take twice as long
                    part = torch.from_numpy(np.empty(one.shape, self.kind)).copy_(one)
                    _write(self._files[at, name], part.numpy().data.cast("B"))
        self.written += steps

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()

    def finish(self, labels: Sequence[str] = ()) -> Trace:
        """Return the trace, once all steps were added."""
        if self.folder is None or not self.names:
            return Trace(self.values, tuple(labels))
        places = [list(at) for at in self.values]
        record = {"format": KIND, "version": VERSION, "places": places, "names": self.names, "labels": list(labels)}
        with replacing(self.folder / INDEX) as file:
            file.write(json.dumps(record).encode())
        return open_trace(self.folder)


def _write(file: BinaryIO, part: memoryview) -> None:
    """Write all of it: a raw file may take less at once."""
    with named_errors(file.name):
        while part:
            part = part[file.write(part) :]


def open_trace(folder: str | Path) -> Trace:
    """Open a trace that was stored in a folder.

    Raises:
        RunFolderError: a file is missing, truncated, altered or of another format.
    """
    folder = Path(folder)
    path = folder / INDEX
    record = read_json(path, format=KIND, version=VERSION)
    places, names, labels = (field(record, path, name, list) for name in ("places", "names", "labels"))
    if not (_texts(names) and _texts(labels) and names and list(_known(places))):
        raise RunFolderError(f"{path} was altered: make the trace again.")
    values = {
        at: {name: open_array(folder / _file(at, name), "make the trace again") for name in names}
        for at in _known(places)
    }
    steps = {len(array) for named in values.values() for array in named.values()}
    if len(steps) != 1 or (0, 0) not in values:
        raise RunFolderError(f"{folder} holds values of different lengths: make the trace again.")
    return Trace(values, tuple(labels))


def _texts(entry: list[Any]) -> bool:
    return all(isinstance(it, str) and len(it) < 1000 for it in entry)


def _known(places: list[Any]) -> Iterator[Place]:
    for at in places:
        if isinstance(at, list) and len(at) == 2 and all(type(it) is int and 0 <= it < 1000 for it in at):
            yield at[0], at[1]


def _file(at: Place, name: str) -> str:
    if not name.isidentifier():  # names in an index file are untrusted: they could be paths
        raise RunFolderError(f"{name!r:.80} is not the name of a gate or state: make the trace again.")
    return f"layer{at[0]}_{'reverse' if at[1] else 'forward'}_{name}.npy"
