"""Arrays that nodes compute from constants alone: what a layer's weights were cut and put together from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tidegate.convert.onnx_files.folded_operators import FOLDED, Operation
from tidegate.convert.onnx_files.graph_scopes import Node, Scope
from tidegate.convert.onnx_files.stored_arrays import StoredArrays
from tidegate.errors import DataError
from tidegate.io.wording import quoted

DEEPEST = 80  # nodes after one another


class Value(NamedTuple):
    """A constant.

    Attributes:
        array: it.
        quantized: whether it was stored in 8 bits or less, with a scale.
    """

    array: np.ndarray
    quantized: bool = False


OF_WEIGHTS = {1, 2, 3, 10, 11, 16}
"""Types of tensors that are no indices: float32, uint8, int8, float16, float64, bfloat16."""

PLAIN = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
"""Attributes of a Constant that is no tensor."""


class ConstantValues:
    """What names of a model stand for, where that does not depend on its inputs.

    Attributes:
        path: the file.
        stored: its tensors.
    """

    def __init__(self, path: Path):
        self.path = path
        self.stored = StoredArrays(path)
        self._nodes: dict[int, Sequence[Value] | str] = {}
        self._tensors: dict[tuple[int, str], Value] = {}
        self._zeros: dict[int, bool] = {}

    def get(self, scope: Scope, name: str, depth: int = 0) -> Value | str:
        """Return a constant, or what it comes from if it is none: "the output of MatMul_3".

        Raises:
            DataError: a tensor is not whole, all are too large, or the chain of nodes is too long.
        """
        where, own = scope.find(name)
        if own in where.tensors:
            key = id(where), own
            if key not in self._tensors:
                self._tensors[key] = Value(self.stored.array(where.tensors[own]))
            return self._tensors[key]
        if own not in where.made:
            return f"an input of the graph, {quoted(own)}" if own in where.inputs else f"{quoted(own)}, made nowhere"
        node, output = where.made[own]
        if id(node) not in self._nodes:
            if depth > DEEPEST:
                raise DataError(f"{self.path}: {quoted(own)} is computed by more than {DEEPEST} nodes in a row.")
            self._nodes[id(node)] = self._computed(node, depth)
        found = self._nodes[id(node)]
        if isinstance(found, str):
            return found
        if output >= len(found):
            raise DataError(f"{self.path}: {node.kind} {quoted(node.name)} has no output {output}.")
        return found[output]

    def _computed(self, node: Node, depth: int) -> Sequence[Value] | str:
        if node.kind == "Constant":
            return self._constant(node)
        if node.kind not in FOLDED:
            return f"the output of {node.kind} {quoted(node.name)}"
        inputs: list[Value | None] = []
        for n in range(len(node.proto.input)):
            own = self.get(node.scope, node.input(n), depth + 1) if node.input(n) else None
            if isinstance(own, str):
                return own
            inputs.append(own)
        about = f"what {node.kind} {quoted(node.name)} gives"
        operation = Operation(
            node,
            [None if it is None else it.array for it in inputs],
            lambda count: self.stored.claim(about, 8 * max(0, count)),
        )
        try:
            with np.errstate(all="ignore"):
                found = FOLDED[node.kind](operation)
        except DataError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, AttributeError, ZeroDivisionError) as error:
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DataError(f"{self.path}: {node.kind} {quoted(node.name)} cannot be computed ({why:.200}).") from error
        quantized = node.kind == "DequantizeLinear" or any(it is not None and it.quantized for it in inputs)
        return [Value(it, quantized) for it in found]

    def _constant(self, node: Node) -> Sequence[Value] | str:
        for name, it in node.attributes.items():
            if name == "value" and it.HasField("t"):
                return [Value(self.stored.array(it.t))]
            if name in PLAIN:
                given = {"value_float": it.f, "value_floats": it.floats, "value_int": it.i, "value_ints": it.ints}[name]
                return [Value(np.array(given, PLAIN[name]))]
        return f"the constant {quoted(node.name)}, which is stored in another way ({', '.join(node.attributes)})"

    def unused(self, scopes: Sequence[Scope]) -> dict[str, np.ndarray]:
        """Return the tensors of weights that nothing has asked for, by their places and names.

        Args:
            scopes: the graphs whose tensors are meant.

        Raises:
            DataError: as of `get`.
        """
        found = {}
        for scope in scopes:
            stored = {name: it for name, it in scope.tensors.items() if (id(scope), name) not in self._tensors}
            for name, (node, _) in scope.made.items():
                if node.kind == "Constant" and id(node) not in self._nodes and "value" in node.attributes:
                    stored[name] = node.attributes["value"].t
            for name, it in stored.items():
                if it.data_type in OF_WEIGHTS and it.dims:
                    found[scope.place + name] = self.stored.array(it)
        return found

    def is_zero(self, scope: Scope, name: str, depth: int = 0) -> bool:
        """Return whether a name stands for zeros, also where their number depends on the model's inputs.

        Raises:
            DataError: as of `get`.
        """
        found = self.get(scope, name)
        if not isinstance(found, str):
            return not found.array.any()
        source = scope.source(name)
        if source is None or depth > DEEPEST:
            return False
        node = source[0]
        if id(node) not in self._zeros:
            self._zeros[id(node)] = self._makes_zeros(node, depth)
        return self._zeros[id(node)]

    def _makes_zeros(self, node: Node, depth: int) -> bool:
        if node.kind == "ConstantOfShape":
            value = node.attributes.get("value")
            return value is None or not self.stored.array(value.t).any()
        inputs = [node.input(n) for n in range(len(node.proto.input) if node.kind == "Concat" else 1)]
        return node.kind in OF_ZEROS and all(self.is_zero(node.scope, it, depth + 1) for it in inputs)


OF_ZEROS = {
    *("Identity", "Slice", "Concat", "Unsqueeze", "Squeeze", "Transpose", "Reshape", "Flatten", "Cast", "Gather"),
    *("Split", "Expand", "Neg"),
}
"""Operators that give zeros of zeros in their first input (Concat: in all)."""
