"""Constants of a frozen graph, which are the weights that it was trained to."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tidegate.convert.tensorflow_files.stored_tensors import TYPES, bytes_of, shape_of, tensor_of
from tidegate.convert.tensorflow_files.wire_format import MessageError, Value, content, fields, number, text
from tidegate.errors import DataError
from tidegate.io.input_files import check_declared_size, open_input

SAVED_MODEL = b"\x08"  # its first field is the version, where that of a graph is a node
FLOATS, DOUBLES = 5, 6  # fields of a tensor that list its numbers
LISTED = {FLOATS: np.dtype("<f4"), DOUBLES: np.dtype("<f8")}


def read_frozen_graph(path: Path) -> dict[str, Tensor]:
    """Read the constants of a graph that are floating point numbers, by the names of their nodes.

    Args:
        path: a GraphDef, ``.pb``.

    Raises:
        DataError: it is no whole graph.
    """
    with open_input(path) as file:
        graph = memoryview(file.read())
    if graph[:1] == SAVED_MODEL:
        raise DataError(f"{path} is a SavedModel, whose weights lie beside it: give variables/variables.index.")
    found: dict[str, Tensor] = {}
    try:
        for field, value in fields(graph):
            if field == 1:
                _add_constant(path, content(value), found)
    except MessageError as error:
        raise DataError(f"{path} is no whole frozen graph of TensorFlow: {error}.") from error
    return found


def _add_constant(path: Path, node: memoryview, found: dict[str, Tensor]) -> None:
    name, operation, value = "", "", None
    for field, given in fields(node):
        if field == 1:
            name = text(given)
        elif field == 2:
            operation = text(given)
        elif field == 5:
            attribute = dict(fields(content(given)))
            if text(attribute.get(1, memoryview(b""))) == "value":
                value = dict(fields(content(attribute.get(2, memoryview(b""))))).get(8)
    if operation == "Const" and value is not None:
        tensor = _tensor(path, name, content(value), sum(2 * it.nbytes for it in found.values()))
        if tensor is not None:
            found[name] = tensor


def _tensor(path: Path, name: str, message: memoryview, held: int) -> Tensor | None:
    kind, shape, raw, listed = 0, (), None, dict[int, list[Value]]()
    for field, value in fields(message):
        if field == 1:
            kind = number(value)
        elif field == 2:
            shape = shape_of(value)
        elif field == 4:
            raw = content(value)
        elif field in LISTED:
            listed.setdefault(field, []).append(value)
    if kind not in TYPES or not np.issubdtype(TYPES[kind], np.floating):
        return None
    check_declared_size(path, "what it holds", held + 2 * bytes_of(kind, shape))
    if raw is not None and len(raw):
        return tensor_of(kind, shape, raw)
    for field, dtype in LISTED.items():
        if field in listed:
            return _spread(path, name, _joined(listed[field], dtype), shape)
    return None


def _joined(values: list[Value], dtype: np.dtype) -> np.ndarray:
    pieces = [it.to_bytes(dtype.itemsize, "little") if isinstance(it, int) else bytes(it) for it in values]
    data = b"".join(pieces)
    if len(data) % dtype.itemsize:
        raise MessageError("a list of numbers is cut off")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))


def _spread(path: Path, name: str, values: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor from its numbers, the last of which stands for all that follow."""
    size = math.prod(shape)
    if not 0 < len(values) <= size:
        raise DataError(f"{path}: {name} of shape {shape} has {len(values)} numbers.")
    return torch.from_numpy(np.pad(values, (0, size - len(values)), mode="edge").reshape(shape))
