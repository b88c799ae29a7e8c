"""Run a model in 8 bits in ONNX Runtime, and compare it with exact 8-bit arithmetic and with float32."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from tidegate.errors import BackendError
from tidegate.export.graph.evaluated import Multiply, evaluate, exact
from tidegate.export.graph.exported import Exported
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.parts import Convolution
from tidegate.export.int8.arithmetic import rounded_products
from tidegate.export.onnx.checks.model_call import SHAPES, beginning, draw_case, run_case, session_of
from tidegate.export.onnx.model_nodes import Form, ModelNodes
from tidegate.export.onnx.model_proto import model_proto

CLOSE = 1e-5  # relative to the largest number of an output
LEAST = 1e-3  # what the largest number is taken for if it is smaller


def check_int8(proto: Any, written: ModelNodes, source: Exported) -> float:
    """Compare the outputs of a model in 8 bits, from the beginning of sequences on.

    A number half-way between two whole ones may be rounded to either after float32 has rounded it, so outputs may
    differ from those of exact arithmetic by as much as those do from float32's.

    Args:
        proto: the model.
        written: its nodes.
        source: the model in Python.

    Returns:
        The largest difference from float32, relative to the largest output.

    Raises:
        BackendError: ONNX's checker or ONNX Runtime refuses the model, or it computes something else.
        MissingDependencyError: there is no ONNX Runtime.
    """
    graph, session, multiply = written.graph, session_of(proto), _as_written(written.graph)
    ((name, value),) = graph.outputs.items()
    cost = 0.0
    for shape in SHAPES:
        case = draw_case(written, source, *shape)
        case = replace(case, states=beginning(written, shape[1]) if written.form.states else None)
        found = torch.from_numpy(run_case(session, written, case)[name])
        for row in range(shape[1]):
            if not (steps := case.steps_of(row)):
                continue
            inputs = {it.name: own[:steps, row] for it, own in zip(graph.inputs, case.inputs, strict=True)}
            rounded, plain = evaluate(graph, inputs, multiply), evaluate(graph, inputs)
            own = found[row][None] if value.whole else found[:steps, row]
            largest = max(_largest(plain), LEAST)
            if not _largest(own - rounded) <= CLOSE * largest + _largest(rounded - plain):
                raise BackendError(
                    f"In ONNX Runtime, {name} of {case} in 8 bits differ from exact arithmetic by "
                    f"{_largest(own - rounded) / largest:.2g} of the largest: nothing was written."
                )
            cost = max(cost, _largest(own - plain) / largest)
    return cost


def in_onnxruntime(graph: Graph) -> Callable[[Tensor], Tensor]:
    """Return what computes the outputs of a model with one input in 8 bits, of a sequence: see `held_out_loss`."""

    @functools.cache
    def session() -> Any:
        return session_of(model_proto(ModelNodes(graph, Form(int8=True)), "model", {}))

    def outputs(x: Tensor) -> Tensor:
        found = session().run(None, {graph.inputs[0].name: x[None].numpy()})[0][0]
        return torch.from_numpy(found).reshape(-1, found.shape[-1])

    return outputs


def _as_written(graph: Graph) -> Multiply:
    """Return how matrices are multiplied: in 8 bits, but for those of convolutions."""
    in_8_bits = rounded_products()
    plain = {it.name for it in graph.values if isinstance(it.part, Convolution)}

    def multiply(name: str, matrix: Tensor, vectors: Tensor) -> Tensor:
        return (exact if name.partition(".")[0] in plain else in_8_bits)(name, matrix, vectors)

    return multiply


def _largest(value: Tensor) -> float:
    return float(value.abs().max())
