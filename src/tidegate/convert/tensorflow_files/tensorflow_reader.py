"""Recurrent cells of TensorFlow 1 in a checkpoint or a frozen graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from tidegate.convert.built_layers import make_layers
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.convert.tensorflow_files.cell_weights import KINDS, NAMES, WITHIN
from tidegate.convert.tensorflow_files.checkpoint_files import read_checkpoint_tensors
from tidegate.convert.tensorflow_files.frozen_graph import read_frozen_graph
from tidegate.errors import DataError

OLD = {
    "BasicLSTMCell/Linear": "basic_lstm_cell",
    "LSTMCell/Linear": "lstm_cell",
    "BasicRNNCell/Linear": "basic_rnn_cell",
}
VARIABLE = re.compile(
    rf"(?P<scope>(?:.*/)?)(?P<cell>{'|'.join([*KINDS, *OLD])})(?P<count>_\d+)?/(?P<what>{'|'.join([*WITHIN, *NAMES])})"
)
OF_OPTIMIZER = re.compile(
    r"(.*/)?(Adam|AdamW|Momentum|RMSProp|Adagrad|Adadelta|Ftrl)(_\d+)?|(.*/)?beta[12]_power(_\d+)?"
)
WAY = re.compile(r"(?P<before>(?:.*/)?)(?P<way>fw|bw)(?P<cell>/[^/]+)")  # of stacks within each direction there is none
OTHER = {"fw": "bw", "bw": "fw"}
BACKWARD = re.compile(r"(^|/)bw/")
STACK = re.compile(r"(^|/)cell_\d+/")


def read_checkpoint(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read the index of a checkpoint, ``.ckpt.index``, and the data beside it."""
    del nonlinearity
    return _converted(path, "a checkpoint of TensorFlow", digest, read_checkpoint_tensors(path))


def read_graph(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a frozen graph, ``.pb``."""
    del nonlinearity
    return _converted(path, "a frozen graph of TensorFlow", digest, read_frozen_graph(path))


def _converted(path: Path, format: str, digest: str, tensors: dict[str, Tensor]) -> Converted:
    cells: dict[tuple[str, str], dict[str, Tensor]] = {}
    others: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if found := VARIABLE.fullmatch(name):
            what = NAMES.get(found["what"], found["what"])
            place = found["scope"] + found["cell"] + (found["count"] or "")
            cells.setdefault((place, OLD.get(found["cell"], found["cell"])), {})[what] = value
        elif not OF_OPTIMIZER.fullmatch(name):
            others[name] = value
    if not cells:
        raise DataError(f"{path} has no weights of TensorFlow 1's cells (lstm_cell/kernel ...): {_instead(tensors)}.")
    layers = {}
    for place, kind in sorted(cells, key=lambda it: _natural(it[0])):
        way = WAY.fullmatch(place)
        other = "" if way is None else f"{way['before']}{OTHER[way['way']]}{way['cell']}"
        if way is None or _shapes(cells.get((other, kind), {})) != _shapes(cells[place, kind]):
            backward = bool(BACKWARD.search(place))
            layers[place] = _layer(path, place, kind, [cells[place, kind]], backward=backward)
        elif way["way"] == "fw":
            name = way["before"] + way["cell"].lstrip("/")
            name = place if (name, kind) in cells else name
            layers[name] = _layer(path, name, kind, [cells[place, kind], cells[other, kind]])
    notes = ()
    if any(STACK.search(name) for name in layers):
        notes = ("cells of one scope feed one another: cell_0 has the input, cell_1 what cell_0 gives",)
    return Converted(path, format, digest, layers, others, notes)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


def _layer(
    path: Path, name: str, kind: str, weights: Sequence[Mapping[str, Tensor]], *, backward: bool = False
) -> ConvertedLayer:
    cell, where = KINDS[kind], f"{path}: {name}"
    made = [cell.read({key: _number(value) for key, value in own.items()}, cell, where) for own in weights]
    form = made[0][0]
    try:
        module = make_layers(form, [[direction for _, direction in made]])
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    notes = [cell.assumed]
    if backward:
        notes.append("reads its input from the last step to the first: give it x.flip(0), and turn its outputs back")
    source = f"{'both directions of ' if len(made) == 2 else ''}{cell.source} of TensorFlow"
    return ConvertedLayer(name, module, source, form, tuple(notes))


def _instead(tensors: Mapping[str, Tensor]) -> str:
    if any("recurrent_kernel" in name for name in tensors):
        return "it has layers of Keras: load the model in Keras and save it as .keras"
    if any(name.endswith(".ATTRIBUTES/VARIABLE_VALUE") for name in tensors):
        return (
            "it is of TensorFlow 2, whose names do not tell the layers: load the model in Keras and save it as .keras"
        )
    return f"it has {', '.join([*tensors][:5])} ..." if tensors else "it has no arrays of numbers"


def _number(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what names are ordered by, so that cell_10 comes after cell_9."""
    return [(int(it), "") if it.isdigit() else (0, it) for it in re.split(r"(\d+)", name)]
