"""Cells in a frozen graph of TensorFlow 1, by their equations in NumPy."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.errors import BenchmarkError

FLOAT = 1  # the type of a tensor
FIELDS = {
    "Graph": [("node", 1, "Node", True)],
    "Node": [("name", 1, "", False), ("op", 2, "", False), ("attr", 5, "Entry", True)],
    "Entry": [("key", 1, "", False), ("value", 2, "Attribute", False)],
    "Attribute": [("tensor", 8, "Array", False)],
    "Array": [("dtype", 1, "int", False), ("shape", 2, "Shape", False), ("content", 4, "bytes", False)],
    "Shape": [("dim", 2, "Size", True)],
    "Size": [("size", 1, "int", False)],
}
"""The messages of a GraphDef, as far as they are needed: name, number, type and whether it repeats."""


@dataclass(frozen=True)
class FrozenGru:
    """A GRUCell of TensorFlow 1: its reset gate acts before the product.

    Attributes:
        scope: of its variables.
    """

    scope: str

    def outputs(self, path: Path, x: Tensor) -> Tensor:
        """Return the outputs on input of shape (steps, batch, features), computed in its dtype."""
        held, rows = _constants(path), x.numpy()
        names = [f"{self.scope}/{part}/{it}" for part in ("gates", "candidate") for it in ("kernel", "bias")]
        if missing := [it for it in names if it not in held]:
            raise BenchmarkError(f"{path.name} has no constant {missing[0]}.")
        gates, gate_bias, candidate, bias = (held[it].astype(rows.dtype) for it in names)
        h = np.zeros((rows.shape[1], len(bias)), rows.dtype)
        found = []
        for row in rows:
            r, u = np.split(1 / (1 + np.exp(-(np.hstack([row, h]) @ gates + gate_bias))), 2, -1)
            h = u * h + (1 - u) * np.tanh(np.hstack([row, r * h]) @ candidate + bias)
            found.append(h)
        return torch.from_numpy(np.stack(found))


@functools.lru_cache(maxsize=1)
def _constants(path: Path) -> dict[str, np.ndarray]:
    """Return the constants of a graph, read by Google's protobuf."""
    graph = _message("Graph")()
    graph.ParseFromString(path.read_bytes())
    found = {}
    for node in graph.node:
        stored = next((it.value.tensor for it in node.attr if it.key == "value"), None)
        if node.op == "Const" and stored is not None and stored.dtype == FLOAT and stored.content:
            shape = [it.size for it in stored.shape.dim]
            found[node.name] = np.frombuffer(stored.content, "<f4").reshape(shape)
    return found


def _message(name: str) -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="graph.proto", package="graph", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    types = {"": kinds.TYPE_STRING, "int": kinds.TYPE_INT64, "bytes": kinds.TYPE_BYTES}
    for own, fields in FIELDS.items():
        message = file.message_type.add(name=own)
        for label, number, kind, repeats in fields:
            it = message.field.add(name=label, number=number, label=3 if repeats else 1)
            it.type = types.get(kind, kinds.TYPE_MESSAGE)
            if kind in FIELDS:
                it.type_name = f".graph.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"graph.{name}"))
