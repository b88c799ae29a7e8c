"""Layers as ONNX models, run by ONNX Runtime."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tidegate.cells import Cell
from tidegate.engine import Weights

ort = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")


def session(proto: Any) -> Any:
    """ONNX Runtime's session of a model that onnx's checker accepts."""
    onnx.checker.check_model(proto, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(proto: Any, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a model by name."""
    made = session(proto)
    return dict(zip([it.name for it in made.get_outputs()], made.run(None, dict(given)), strict=True))


def layer_model(cell: Cell, weights: Weights, inputs: int, *, lengths: bool, start: bool, reverse: bool = False) -> Any:
    """A layer as a model: "x", "lengths", "initial h" and "mask m" to "output" and "final h"."""
    from tidegate.export.onnx.layer_nodes import Lengths, add_layer
    from tidegate.export.onnx.layer_weights import LayerWeights
    from tidegate.export.onnx.nodes import Nodes

    nodes = Nodes()
    w = LayerWeights.of(nodes, cell, weights)
    sizes = [w.output, *[w.hidden] * (len(cell.states) - 1)]
    given: list[tuple[str, Any, tuple[Any, ...]]] = [(nodes.free("x"), np.float32, ("time", "batch", inputs))]
    if lengths:
        given.append((nodes.free("lengths"), np.int64, ("batch",)))
    masks = {it: (nodes.free(f"mask {it}"), w.hidden) for it in cell.masks}
    given += [(name, np.float32, ("time", "batch", size)) for name, size in masks.values()]
    states = [nodes.free(f"initial {it}") for it in cell.states] if start else []
    given += [(name, np.float32, ("batch", size)) for name, size in zip(states, sizes, strict=True)] if start else []
    results = [
        (nodes.free(name), shape)
        for name, shape in (
            ("output", ("time", "batch", w.output)),
            *[(f"final {n}", ("batch", k)) for n, k in zip(cell.states, sizes, strict=True)],
        )
    ]
    valid = Lengths.of(nodes, "lengths", "x") if lengths else None
    output, final = add_layer(nodes, cell, w, "x", states or None, lengths=valid, reverse=reverse, masks=masks)
    for value, (name, _) in zip((output, *final), results, strict=True):
        nodes.name(value, name)
    returned = [(name, np.float32, shape) for name, shape in results]
    graph = onnx.helper.make_graph(
        nodes.protos, "layer", nodes.inputs(*given), nodes.inputs(*returned), nodes.used_constants()
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)


def operators(proto: Any) -> list[str]:
    return [node.op_type for node in proto.graph.node]
