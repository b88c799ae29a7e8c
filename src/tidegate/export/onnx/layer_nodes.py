"""One recurrent layer as ONNX nodes: an operator that ONNX has for its cell, or a Scan over the cell's equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tidegate.cells import Cell
from tidegate.export.onnx.fused_forms import fused_form
from tidegate.export.onnx.fused_operators import FusedForm
from tidegate.export.onnx.layer_weights import LayerWeights
from tidegate.export.onnx.nodes import Nodes
from tidegate.export.onnx.step_nodes import Step


@dataclass(frozen=True)
class Lengths:
    """The numbers of valid steps, made once for all layers of a graph.

    Attributes:
        given: (B, 1) of int64.
        steps: (B,) of int32.
        valid: (T, B, 1) of bool.
        none: (B, 1) of bool, whether a sequence has no step.
    """

    given: str
    steps: str
    valid: str
    none: str

    @classmethod
    def of(cls, nodes: Nodes, lengths: str, x: str) -> Lengths:
        """Make them from lengths (B,) of int64, for the steps of x (T, B, ...).

        Gather refuses lengths that are not among 0..T when the model runs.
        """
        count = nodes.add("Squeeze", nodes.add("Shape", x, start=0, end=1))
        zero, one = (nodes.constant(np.array(it, np.int64), "number") for it in (0, 1))
        beyond = nodes.add("Add", count, one)
        index = nodes.add("Where", nodes.add("Less", lengths, zero), beyond, lengths)
        lengths = nodes.add("Gather", nodes.add("Range", zero, beyond, one), index, name="lengths_known")
        steps = nodes.add("Unsqueeze", nodes.add("Range", zero, count, one), nodes.shape(1, 2))
        column = nodes.add("Unsqueeze", lengths, nodes.shape(1))
        return cls(
            column,
            nodes.add("Cast", lengths, to=nodes.onnx.TensorProto.INT32, name="lengths_int32"),
            nodes.add("Less", steps, column, name="valid"),
            nodes.add("Equal", column, zero, name="without_steps"),
        )


def add_layer(
    nodes: Nodes,
    cell: Cell,
    weights: LayerWeights,
    x: str,
    initial: list[str] | None = None,
    *,
    lengths: Lengths | None = None,
    reverse: bool = False,
    masks: Mapping[str, tuple[str, int]] | None = None,
) -> tuple[str, list[str]]:
    """Add a layer in one direction, as `tidegate.engine.run` runs it.

    Args:
        nodes: to which it is added.
        cell: the cell.
        weights: the layer's.
        x: (T, B, I).
        initial: the initial states (B, ·); zeros if None.
        lengths: the valid steps of each sequence; None if all are valid. Of a sequence without steps the final states
            are the initial ones.
        reverse: read each sequence from its last valid step to its first.
        masks: (T, B, H) or (T, B, 1), names and last sizes, by the name of the mask. Others have their default values,
            noise its expectation.

    Returns:
        The output (T, B, R), zeros past the lengths, and the final states (B, ·).
    """
    form = None if nodes.int8 else fused_form(cell)  # which have no products in 8 bits
    if form is None:
        return _scan(nodes, cell, weights, x, initial, lengths, masks or {}, reverse=reverse)
    return _fused(nodes, form, cell, weights, x, initial, lengths, reverse=reverse)


def add_step(
    nodes: Nodes,
    cell: Cell,
    weights: LayerWeights,
    x: str,
    states: list[str],
    masks: Mapping[str, tuple[str, int]] | None = None,
) -> list[str]:
    """Add one step of a layer.

    Args:
        nodes: to which it is added.
        cell: the cell.
        weights: the layer's.
        x: (B, I).
        states: the previous states (B, ·).
        masks: (B, H) or (B, 1): see `add_layer`.

    Returns:
        The new states (B, ·), of which the first is the output.
    """
    step = Step(cell, weights, nodes, x, masks or {})
    full = _shape_of_units(nodes, x, 0, weights.hidden)
    return step.write(nodes, dict(zip(cell.states, states, strict=True)), {}, full)


def _fused(
    nodes: Nodes,
    form: FusedForm,
    cell: Cell,
    weights: LayerWeights,
    x: str,
    initial: list[str] | None,
    lengths: Lengths | None,
    *,
    reverse: bool,
) -> tuple[str, list[str]]:
    steps = "" if lengths is None else lengths.steps
    output, final = form.add(nodes, cell, weights, x, steps, initial or [], reverse=reverse)
    if lengths is not None and initial:  # the operators forget the initial state of a sequence without steps
        final = [nodes.add("Where", lengths.none, *both) for both in zip(initial, final, strict=True)]
    return output, final


def _scan(
    nodes: Nodes,
    cell: Cell,
    weights: LayerWeights,
    x: str,
    initial: list[str] | None,
    lengths: Lengths | None,
    masks: Mapping[str, tuple[str, int]],
    *,
    reverse: bool,
) -> tuple[str, list[str]]:
    sizes = [weights.output, *[weights.hidden] * (len(cell.states) - 1)]
    if initial is None:
        initial = [_zeros(nodes, x, size) for size in sizes]
    full = _shape_of_units(nodes, x, 1, weights.hidden)
    step, body = Step(cell, weights, nodes, x, masks), Nodes(nodes)
    before = [body.free(f"{name}_before") for name in cell.states]
    read = step.over_time() or [x]  # a Scan reads something, which says how many steps there are
    here = {name: body.free(f"{name}_t") for name in read}
    new = step.write(body, dict(zip(cell.states, before, strict=True)), here, full)
    float32 = np.float32
    given = [(name, float32, ("batch", size)) for name, size in zip(before, sizes, strict=True)]
    given += [(here[name], float32, ("batch", None)) for name in read]
    output = new[0]
    if lengths is not None:
        valid = body.free("valid_t")
        read, given = [*read, lengths.valid], [*given, (valid, np.bool_, ("batch", 1))]
        output = body.add("Where", valid, new[0], body.number(0.0))
        new = [body.add("Where", valid, *both) for both in zip(new, before, strict=True)]
    # A result of a body has a name of its own, and is the result of a node.
    results = [body.add("Identity", it, name=f"{name}_after") for it, name in zip(new, cell.states, strict=True)]
    results.append(body.add("Identity", output, name="output_t"))
    returned = [(name, float32, ("batch", size)) for name, size in zip(results, [*sizes, sizes[0]], strict=True)]
    graph = nodes.onnx.helper.make_graph(
        body.protos, f"step of {cell.name}", body.inputs(*given), body.inputs(*returned)
    )
    made = nodes.add_many(
        "Scan",
        *initial,
        *read,
        names=(*[f"{name}_final" for name in cell.states], "output"),
        body=graph,
        num_scan_inputs=len(read),
        scan_input_directions=[int(reverse)] * len(read),
        scan_output_directions=[int(reverse)],
    )
    return made[-1], made[:-1]


def _shape_of_units(nodes: Nodes, x: str, axis: int, hidden: int) -> str:
    """Return the shape (B, H), for a value whose axis of the batch is known."""
    return nodes.add("Concat", nodes.add("Shape", x, start=axis, end=axis + 1), nodes.shape(hidden), axis=0)


def _zeros(nodes: Nodes, x: str, size: int) -> str:
    return nodes.add("Expand", nodes.number(0.0), _shape_of_units(nodes, x, 1, size))
