"""Recurrent layers of a file of ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tidegate.convert.built_layers import make_layers
from tidegate.convert.onnx_files.constant_values import ConstantValues
from tidegate.convert.onnx_files.graph_scopes import Node, Walk, as_text
from tidegate.convert.onnx_files.model_message import read_model
from tidegate.convert.onnx_files.recurrent_nodes import (
    FIRST_STATE,
    KINDS,
    LENGTHS,
    QUANTIZED,
    SAID,
    StoredNode,
    directions_of,
    form_of,
    stored_node,
)
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.errors import DataError
from tidegate.io.wording import quoted

PRODUCTS = {"MatMul", "Gemm", "MatMulInteger", "com.microsoft.FusedMatMul", "com.microsoft.MatMulNBits", "Conv"}
HANDED_ON = {
    *("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "Concat", "Slice", "Gather"),
    *("Split", "Flatten"),
}
"""Operators that hand on numbers as they are: a layer behind one reads the output of the layer before it."""
FURTHEST = 40  # nodes between two layers


class _Model:
    """A file while it is read."""

    def __init__(self, path: Path):
        self.path = path
        self.message: Any = read_model(path)
        self.walk = Walk(self.message, path)
        self.constants = ConstantValues(path)
        self.stored: dict[str, StoredNode] = {}
        for node in self.walk.nodes:
            if node.kind in KINDS:
                name, n = node.name, 2
                while name in self.stored:
                    name, n = f"{node.name} ({n})", n + 1
                self.stored[name] = stored_node(node, self.constants)


def stored_nodes(path: Path) -> dict[str, StoredNode]:
    """Return the recurrent nodes of a file by the names that `read_onnx` gives their layers.

    Raises:
        DataError: the file is not whole, or a weight is no constant.
        MissingDependencyError: onnx is not installed.
    """
    return _Model(path).stored


def read_onnx(path: Path, digest: str, nonlinearity: str) -> Converted:
    """Read a file of ONNX."""
    del nonlinearity
    model = _Model(path)
    if not model.stored:
        raise DataError(f"{path} has no LSTM, GRU or RNN node: {_instead(model)}.")
    others: dict[str, torch.Tensor] = {}
    layers = {name: _layer(model, name, it, others) for name, it in model.stored.items()}
    unused = model.constants.unused(model.walk.scopes)
    others |= {name: torch.from_numpy(np.array(it, order="C")) for name, it in unused.items()}
    notes = [f"weights also in {name}, sha256 {it}" for name, it in model.constants.stored.beside.items()]
    notes += [f"left out: {it}" for it in _taken_apart(model)]
    producer = f"{as_text(model.message.producer_name)} {as_text(model.message.producer_version)}".strip()
    versions = [it.version for it in model.message.opset_import if as_text(it.domain) in ("", "ai.onnx")]
    format = f"ONNX, opset {max(versions, default=1)}" + (f", written by {quoted(producer)}" if producer else "")
    return Converted(path, format, digest, layers, others, tuple(notes))


def _layer(model: _Model, name: str, stored: StoredNode, others: dict[str, torch.Tensor]) -> ConvertedLayer:
    node, path = stored.node, model.path
    form, notes = form_of(stored, path)
    model.constants.stored.claim(f"the layer {quoted(name)}", 8 * sum(it.size for it in stored.arrays.values()))
    rows = [directions_of(stored, form, path)]
    try:
        module = make_layers(form, rows)
    except DataError as error:
        raise DataError(f"{path}: {node.kind} {quoted(node.name)}: {error}") from error
    own = [SAID[stored.kind]] if stored.kind in SAID else []
    own += notes
    if node.kind == QUANTIZED:
        own.append("its weights are in 8 bits, and turned; here they are float32, and inputs are not rounded as there")
    elif stored.quantized:
        own.append("its weights are stored in 8 bits or less, with scales; here they are float32")
    elif any(it.dtype.itemsize < 4 for it in stored.arrays.values()):
        own.append("its weights are in half precision, and in float32 here")
    if stored.direction == "reverse":
        own.append(
            "direction reverse: it reads from the last step to the first: give it x.flip(0), and turn its output with "
            ".flip(0), which ONNX turns back"
        )
    if "layout" in node.attributes and node.attributes["layout"].i:
        own.append("layout 1: the batch comes first in the file, and steps here")
    if node.input(LENGTHS):
        own.append(f"sequences have lengths in the file ({quoted(node.input(LENGTHS))}): give them as lengths=")
    own += _states(model, name, stored, others)
    if before := _before(model, node):
        own.append(f"its input is the output of {' and '.join(before)}")
    if same := _same(model, name, stored):
        own.append(f"the same weights as {same}")
    where = f" in {node.scope.place.rstrip('/')}" if node.scope.place else ""
    kind = node.kind.removeprefix("com.microsoft.")
    return ConvertedLayer(name, module, f"{stored.direction} {kind} of ONNX{where}", form, tuple(own))


def _states(model: _Model, name: str, stored: StoredNode, others: dict[str, torch.Tensor]) -> list[str]:
    """Return what is to be known of the states before the first step; constant ones are put among the others."""
    node, notes = stored.node, []
    for n, state in enumerate("hc" if stored.kind == "lstm" else "h"):
        given = node.input(FIRST_STATE + n)
        if not given or model.constants.is_zero(node.scope, given):
            continue
        found = model.constants.get(node.scope, given)
        if isinstance(found, str):
            notes.append(f"initial_{state} is {found}: hand it on as a state")
        else:
            others[f"{name}.initial_{state}"] = torch.from_numpy(found.array.copy())
            notes.append(f"it begins with {name}.initial_{state} in others")
    return notes


def _before(model: _Model, node: Node) -> list[str]:
    """Return the names of the layers whose outputs a layer reads, [] if it reads anything else too."""
    names = {id(it.node): name for name, it in model.stored.items()}
    waiting, found = [(node.scope, node.input(0))], []
    for _ in range(FURTHEST):
        if not waiting:
            return found
        scope, name = waiting.pop(0)
        source = scope.source(name)
        if source is None:
            return []
        before, output = source
        if id(before) in names and output == 0:
            found.append(names[id(before)])
        elif before.kind in HANDED_ON:
            count = len(before.proto.input) if before.kind == "Concat" else 1
            waiting += [(before.scope, before.input(n)) for n in range(count)]
        else:
            return []
    return []


def _same(model: _Model, name: str, stored: StoredNode) -> str:
    """Return the name of an earlier layer with the same weights."""
    for other, it in model.stored.items():
        if other == name:
            return ""
        if it.node.kind == stored.node.kind and it.arrays.keys() == stored.arrays.keys():
            pairs = [(it.arrays[n], value) for n, value in stored.arrays.items()]
            if all(a is b or (a.shape == b.shape and bool((a == b).all())) for a, b in pairs):
                return other
    return ""


def _taken_apart(model: _Model) -> list[str]:
    """Return the graphs that step through matrix products with gates: networks without a node of their own."""
    found = []
    for scope in model.walk.scopes:
        kinds = {node.kind for node, _ in scope.made.values()}
        if scope.place and PRODUCTS & kinds and "Tanh" in kinds:
            around = scope.place.rstrip("/")
            found.append(f"{around} has matrix products with Tanh, as a network has that was taken apart")
    return found


def _instead(model: _Model) -> str:
    """Return what a file without recurrent nodes has."""
    if apart := _taken_apart(model):
        return f"{apart[0]}; export it again so that its layers are nodes"
    kinds = [it.kind for it in model.walk.nodes]
    if PRODUCTS & {*kinds} and kinds.count("Tanh") > 1:
        return (
            "it has matrix products with Tanh, as a network has that was taken apart step by step; export it again so "
            "that its layers are nodes"
        )
    return f"it has {', '.join([*dict.fromkeys(kinds)][:8]) or 'no nodes'}"
