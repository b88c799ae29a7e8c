"""A model as ONNX's own object, which is the content of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tidegate
from tidegate.errors import ArgumentError
from tidegate.export.onnx.metadata import of_graph
from tidegate.export.onnx.model_nodes import ModelNodes

OPSET, IR_VERSION = 18, 8  # the first that has all that is written, so that runtimes since 2023 read it
LARGEST = 2**31 - 1  # bytes of a protocol buffer


def model_proto(written: ModelNodes, name: str, metadata: Mapping[str, Any]) -> Any:
    """Return ONNX's object of a model, with what else the file says.

    Raises:
        ArgumentError: it is larger than an ONNX file can be.
    """
    helper = written.nodes.onnx.helper
    made = helper.make_model(
        written.proto(name),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tidegate",
        producer_version=tidegate.__version__,
    )
    said = {**of_graph(written), **metadata}
    if made.ByteSize() > LARGEST:
        raise ArgumentError(
            f"The file would have {made.ByteSize() / 2**30:.1f} GB, but an ONNX file has at most 2: write a smaller "
            "model."
        )
    helper.set_model_props(made, {key: json.dumps(value, ensure_ascii=False) for key, value in said.items()})
    return made
