"""Record traces of one sequence, in memory or on disk, and open those on disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.engine.record import as_record
from tidegate.errors import ArgumentError, RunFolderError
from tidegate.io.arrays import open_array, write_array_header
from tidegate.io.files import field, named_errors, read_json, replacing
from tidegate.nn.evaluating import evaluating
from tidegate.nn.layered import Layered, State
from tidegate.nn.record.labelled_trace import Place, Trace

KIND, VERSION, INDEX = "tidegate trace", 1, "trace.json"
CHUNK = 2048  # steps run at once: bounds the memory besides the trace; each run packs the weights anew


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
) -> Trace[NDArray[Any]]:
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

    def finish(self, labels: Sequence[str] = ()) -> Trace[NDArray[Any]]:
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


def open_trace(folder: str | Path) -> Trace[NDArray[Any]]:
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
