"""How PyTorch's own exporter writes Tidegate's layers: a table for ``torch.onnx.export``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch

from tidegate.cells import Cell, by_handle
from tidegate.engine.kernels.operators.onnx_export import TRANSLATED
from tidegate.errors import BackendError
from tidegate.export.onnx.layer_nodes import Lengths, add_layer
from tidegate.export.onnx.layer_weights import LayerWeights
from tidegate.export.onnx.nodes import Nodes
from tidegate.io.optional import needed

DOMAIN = "tidegate"
NEEDS = "torch.onnx.export needs"


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return how ``torch.onnx.export`` is to write Tidegate's layers.

    Each layer and direction becomes a function of the ONNX file, named after its cell: one of ONNX's own operators
    where one has the equations, and a Scan over them otherwise. It is right at every number of steps and sequences.

    Raises:
        MissingDependencyError: onnx or onnxscript is not installed.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.Sequential(tidegate.nn.GRU(3, 20))
        >>> torch.onnx.export(  # doctest: +SKIP
        ...     model, (torch.randn(5, 2, 3),), "model.onnx", dynamo=True,
        ...     dynamic_shapes=({0: "time", 1: "batch"},),
        ...     custom_translation_table=tidegate.export.onnx_translations(),
        ... )
    """
    needed("onnx", NEEDS)
    needed("onnxscript", NEEDS)
    TRANSLATED.add("run")
    return {torch.ops.tidegate.run.default: _run}


def _run(
    handle: str,
    record: Sequence[str],
    mask_gradients: Sequence[str],
    reverse: bool,
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    w_hr: Any,
    p: Sequence[Any],
    state: Sequence[Any],
    masks: Sequence[Any],
    lengths: Any = None,
    reset: Any = None,
    *_: Any,
) -> Sequence[Any]:
    """Write the operator: its tensors are values of the file, its results too."""
    cell = by_handle(handle)
    if record or reset is not None:
        raise BackendError(
            f"torch.onnx.export cannot write a run of {cell.name} that "
            + ("records its gates: call the layer, not its trace()." if record else "is reset between steps.")
        )
    if (dtype := str(x.dtype)) != "FLOAT":
        raise BackendError(f"A layer of {cell.name} is in {dtype}; ONNX files have float32: call model.float() first.")
    weights = dict(w_ih=w_ih, w_hh=w_hh, b_ih=b_ih, b_hh=b_hh, w_hr=w_hr)
    given = dict(x=x, **{name: it for name, it in weights.items() if it is not None})
    given |= zip([f"p_{name}" for name in cell.parameters], p, strict=True)
    given |= zip([f"{name}_initial" for name in cell.states], state, strict=True)
    given |= zip([f"mask_{name}" for name in cell.masks], masks, strict=True)
    given |= {} if lengths is None else dict(lengths=lengths)
    output, *others = [int(it.shape[1]) for it in state]
    hidden = others[0] if others else output if w_hr is None else int(w_hr.shape[1])
    return _call(_function(cell, [*given], hidden, output, reverse=reverse), given)


def _function(cell: Cell, given: list[str], hidden: int, output: int, *, reverse: bool) -> Any:
    """Return a layer as a function of an ONNX file, whose inputs have the names that are given."""
    nodes = Nodes()
    for name in given:
        nodes.free(name)
    weights = LayerWeights(
        hidden,
        output,
        **{name: name for name in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr") if name in given},
        p={name: f"p_{name}" for name in cell.parameters},
    )
    lengths = Lengths.of(nodes, "lengths", "x") if "lengths" in given else None
    masks = {name: (f"mask_{name}", hidden) for name in cell.masks}
    initial = [f"{name}_initial" for name in cell.states]
    y, final = add_layer(nodes, cell, weights, "x", initial, lengths=lengths, reverse=reverse, masks=masks)
    helper = nodes.onnx.helper
    constants = [helper.make_node("Constant", [], [it.name], value=it) for it in nodes.used_constants()]
    body = [*constants, *nodes.protos]
    # Functions of one name are one: so the name says what is in it.
    content = b"".join(it.SerializeToString() for it in body) + repr((given, y, final)).encode()
    name = f"{re.sub(r'[^0-9A-Za-z]+', '_', cell.name)}_{hashlib.sha256(content).hexdigest()[:8]}"
    return helper.make_function(
        DOMAIN, name, given, [y, *final], body, []
    )  # the exporter adds the version of the operators


def _call(function: Any, given: dict[str, Any]) -> Sequence[Any]:
    """Add a call of a function to the file that is being written."""
    ir, recorder = needed("onnx_ir", NEEDS), _recorder()
    made = ir.serde.deserialize_function(function)
    recorder.functions[made.identifier()] = made
    node = ir.Node(DOMAIN, function.name, [*given.values()], num_outputs=len(function.output), version=1)
    recorder.nodes.append(node)
    return node.outputs


def _recorder() -> Any:
    """Return what collects the nodes and functions that PyTorch's exporter writes.

    Raises:
        BackendError: this version of PyTorch has another.
    """
    found = needed("onnxscript", NEEDS).evaluator.default()
    if missing := [name for name in ("nodes", "functions") if not hasattr(found, name)]:
        raise BackendError(
            f"The exporter of torch {torch.__version__} is none that Tidegate knows (its {type(found).__name__} has no "
            f"{missing[0]}): write the model with tidegate.export.onnx(model, file)."
        )
    return found
