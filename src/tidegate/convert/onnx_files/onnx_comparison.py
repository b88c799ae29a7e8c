"""Recurrent nodes of a file of ONNX, run by ONNX Runtime beside the modules that were made of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from tidegate.convert.onnx_files.onnx_reader import stored_nodes
from tidegate.convert.onnx_files.recurrent_nodes import DIRECTIONS, FIRST_STATE, QUANTIZED, StoredNode
from tidegate.convert.result import Converted
from tidegate.errors import DataError
from tidegate.io.optional import needed

STEPS, BATCH = 7, 3
BOUND = 1e-5  # of the largest output, both in float32
BOUND_OF_8_BITS = 0.25  # ONNX Runtime rounds inputs too: 1 to 7 % of the largest output of published files
STEPS_OF_8_BITS = 1  # with large weights rounding grows from step to step, up to all of the output
OPSET, IR_VERSION = 18, 8
STATES = {"lstm": ("h", "c"), "gru": ("h",), "rnn": ("h",)}


def compare_with_onnx_runtime(found: Converted) -> dict[str, float]:
    """Run each recurrent node of a file by itself in ONNX Runtime and here, on the same random input and states.

    ONNX Runtime gets a model of one node with the attributes and weights of the file, and not the file.

    Args:
        found: of a file of ONNX.

    Returns:
        For each layer by its name the largest difference of outputs and last states, as a share of the largest.

    Raises:
        DataError: a layer gives something else there, does not run there, or the file has changed since it was read.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    runtime = needed("onnxruntime", "Comparing with ONNX Runtime needs")
    nodes = stored_nodes(found.path)
    if [*nodes] != [*found.layers]:
        raise DataError(f"{found.path} has changed since it was read: read it again.")
    differences = {}
    for name, stored in nodes.items():
        differences[name] = _difference(stored, found.layers[name].module, f"{found.path}: {name}")
        bound = BOUND_OF_8_BITS if stored.node.kind == QUANTIZED else BOUND
        if not differences[name] <= bound:  # NaN is none either
            raise DataError(
                f"{found.path}: {name} gives other numbers in ONNX Runtime {runtime.__version__}: they differ by "
                f"{differences[name]:.2g} of the largest output."
            )
    return differences


def _difference(stored: StoredNode, module: Any, at: str) -> float:
    module = copy.deepcopy(module).float()
    ways, hidden, names = DIRECTIONS[stored.direction], module.hidden_size, STATES[stored.kind]
    draw = np.random.default_rng(0)
    steps = STEPS_OF_8_BITS if stored.node.kind == QUANTIZED else STEPS
    x = draw.normal(size=(steps, BATCH, module.input_size)).astype(np.float32)
    states = [draw.uniform(-1, 1, (ways, BATCH, hidden)).astype(np.float32) for _ in names]
    theirs = _run(_model_of(stored, len(names), hidden), [x, *states], at)
    flip = stored.direction == "reverse"
    given, start = torch.from_numpy(x), [torch.from_numpy(it) for it in states]
    with torch.no_grad():
        output, last = module(given.flip(0) if flip else given, tuple(start) if len(start) > 1 else start[0])
    output = output.flip(0) if flip else output
    y = theirs[0].transpose(0, 2, 1, 3).reshape(steps, BATCH, ways * hidden)
    ours = [output, *(last if isinstance(last, tuple) else (last,))]
    pairs = zip(ours, [y, *theirs[1:]], strict=True)
    apart = np.max([np.abs(it.numpy() - own).max() for it, own in pairs])  # NaN if one is
    return float(apart / max(np.max([np.abs(own).max() for own in theirs]), 1e-30))


def _run(model: Any, inputs: list[np.ndarray], at: str) -> list[Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.x64quantprecision", "1")  # without it sums overflow on some CPUs
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return list(session.run(None, dict(zip([it.name for it in session.get_inputs()], inputs, strict=True))))
    except Exception as error:  # ONNX Runtime's own have no common class
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{at} does not run in ONNX Runtime ({why:.300}).") from error


def _model_of(stored: StoredNode, states: int, hidden: int) -> Any:
    """Return a model of one node, which is given its input and states."""
    import onnx

    helper, node = onnx.helper, copy.deepcopy(stored.node.proto)
    kept = [onnx.AttributeProto.FromString(it.SerializeToString()) for it in stored.node.attributes.values()]
    for attribute, name in zip(kept, stored.node.attributes, strict=True):
        attribute.name = name
    del node.attribute[:], node.input[:], node.output[:]
    node.attribute.extend(it for it in kept if it.name not in ("layout", "hidden_size", "output_sequence"))
    node.attribute.append(helper.make_attribute("hidden_size", hidden))
    last = max([*stored.arrays, FIRST_STATE + states - 1])
    names = [""] * (last + 1)
    names[0] = "X"
    names[FIRST_STATE : FIRST_STATE + states] = [f"initial {n}" for n in range(states)]
    tensors = []
    for n, array in stored.arrays.items():
        names[n] = f"constant {n}"
        own = array.astype(np.float32) if array.dtype.kind == "f" else array
        tensors.append(onnx.numpy_helper.from_array(np.ascontiguousarray(own), names[n]))
    node.input.extend(names)
    node.output.extend(f"output {n}" for n in range(1 + states))
    number = onnx.TensorProto.FLOAT
    given = [helper.make_tensor_value_info(it, number, None) for it in ("X", *names[FIRST_STATE:][:states])]
    returned = [helper.make_tensor_value_info(it, number, None) for it in node.output]
    graph = helper.make_graph([node], "layer", given, returned, tensors)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
