"""Arrays that nodes compute from constants alone: what a layer's weights were cut and put together from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tidegate.convert.onnx_files.graph_scopes import Node, Scope
from tidegate.convert.onnx_files.stored_arrays import StoredArrays
from tidegate.drawing.brief import brief_repr
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


@dataclass(eq=False)
class _Operation:
    """A node whose inputs are known.

    Attributes:
        node: it.
        inputs: None for those that are left out.
        claim: counts numbers before they are allocated.
    """

    node: Node
    inputs: Sequence[np.ndarray | None]
    claim: Callable[[int], None]
    __repr__ = brief_repr

    def setting(self, name: str, default: Any = None) -> Any:
        import onnx

        found = self.node.attributes.get(name)
        return default if found is None else onnx.helper.get_attribute_value(found)

    def numbers(self, n: int, name: str) -> list[int] | None:
        """Return whole numbers that are an input, or an attribute of earlier versions; None if not given."""
        given = self[n] if n < len(self.inputs) and self.inputs[n] is not None else self.setting(name)
        return None if given is None else [int(it) for it in np.ravel(given)]

    def __getitem__(self, n: int) -> np.ndarray:
        found = self.inputs[n]
        if found is None:
            raise ValueError(f"input {n} is left out")
        return found


Arrays = Sequence[np.ndarray]


def _slice(it: _Operation) -> Arrays:
    x, starts, ends = it[0], it.numbers(1, "starts") or [], it.numbers(2, "ends") or []
    axes = it.numbers(3, "axes") or [*range(len(starts))]
    steps = it.numbers(4, "steps") or [1] * len(starts)
    cuts = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cuts[axis] = slice(start, end, step)
    return (x[tuple(cuts)],)


def _concat(it: _Operation) -> Arrays:
    parts = [it[n] for n in range(len(it.inputs))]
    it.claim(sum(part.size for part in parts))
    return (np.concatenate(parts, it.setting("axis")),)


def _unsqueeze(it: _Operation) -> Arrays:
    return (np.expand_dims(it[0], tuple(it.numbers(1, "axes") or ())),)


def _squeeze(it: _Operation) -> Arrays:
    axes = it.numbers(1, "axes")
    return (np.squeeze(it[0], None if axes is None else tuple(axes)),)


def _transpose(it: _Operation) -> Arrays:
    return (np.transpose(it[0], it.setting("perm")),)


def _reshape(it: _Operation) -> Arrays:
    x, shape = it[0], it.numbers(1, "shape") or []
    if not it.setting("allowzero", 0):
        shape = [x.shape[n] if size == 0 else size for n, size in enumerate(shape)]
    it.claim(x.size)
    return (x.reshape(shape),)


def _flatten(it: _Operation) -> Arrays:
    it.claim(it[0].size)
    return (it[0].reshape(math.prod(it[0].shape[: it.setting("axis", 1)]), -1),)


def _cast(it: _Operation) -> Arrays:
    import onnx

    wanted = onnx.helper.tensor_dtype_to_np_dtype(it.setting("to"))
    if wanted.kind not in "fiub" or wanted.isbuiltin != 1:
        raise ValueError(f"to {wanted.name}, which NumPy does not have")
    it.claim(2 * it[0].size)
    return (it[0].astype(wanted),)


def _gather(it: _Operation) -> Arrays:
    x, indices, axis = it[0], it[1].astype(np.int64), it.setting("axis", 0)
    it.claim(indices.size * (x.size // max(1, x.shape[axis])))
    return (np.take(x, indices, axis),)


def _split(it: _Operation) -> Arrays:
    x, sizes, axis = it[0], it.numbers(1, "split"), it.setting("axis", 0)
    if sizes is None:
        count = len(it.node.proto.output)
        each = -(-x.shape[axis] // count)
        sizes = [min(each, max(0, x.shape[axis] - n * each)) for n in range(count)]
    if sum(sizes) != x.shape[axis] or min(sizes) < 0:
        raise ValueError(f"an axis of {x.shape[axis]} into {sizes}")
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _expand(it: _Operation) -> Arrays:
    shape = np.broadcast_shapes(it[0].shape, tuple(it.numbers(1, "shape") or ()))
    it.claim(math.prod(shape))
    return (np.broadcast_to(it[0], shape).copy(),)


def _constant_of_shape(it: _Operation) -> Arrays:
    import onnx

    shape, value = it.numbers(0, "shape") or [], it.setting("value")
    it.claim(math.prod(shape))
    filled = np.zeros(1, np.float32) if value is None else onnx.numpy_helper.to_array(value)
    return (np.full(shape, filled.reshape(()), filled.dtype),)


def _shape(it: _Operation) -> Arrays:
    return (np.array(it[0].shape[it.setting("start", 0) : it.setting("end")], np.int64),)


def _negative(it: _Operation) -> Arrays:
    it.claim(it[0].size)
    return (-it[0],)


def _arithmetic(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[_Operation], Arrays]:
    def computed(it: _Operation) -> Arrays:
        if it[0].dtype != it[1].dtype or it[0].dtype.kind not in "fiu":
            raise ValueError(f"on {it[0].dtype} and {it[1].dtype}")
        it.claim(math.prod(np.broadcast_shapes(it[0].shape, it[1].shape)))
        return (function(it[0], it[1]),)

    return computed


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind != "f":
        raise ValueError("of whole numbers")
    return a / b


def _dequantized(it: _Operation) -> Arrays:
    scale = it[1]
    if it.setting("block_size", 0):
        raise ValueError("in blocks")
    zero = it[2] if len(it.inputs) > 2 and it.inputs[2] is not None else np.zeros_like(it[0][:0])
    return (dequantized(it[0], scale, zero if zero.size else None, it.setting("axis", 1), it.claim),)


def dequantized(
    x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None, axis: int, claim: Callable[[int], None]
) -> np.ndarray:
    """Return (x - zero) scale.

    Args:
        x: whole numbers.
        scale: one, or one for each place on an axis.
        zero: of the same shape; None: 0.
        axis: it.
        claim: counts numbers before they are allocated.

    Raises:
        ValueError: shapes do not fit.
    """
    shape = [1] * x.ndim
    if scale.size != 1:
        shape[axis] = x.shape[axis]
    claim(2 * x.size)
    numbers = x.astype(np.float32)
    if zero is not None:
        numbers = numbers - zero.astype(np.float32).reshape(shape)
    return numbers * scale.reshape(shape)


FOLDED: dict[str, Callable[[_Operation], Arrays]] = {
    "Identity": lambda it: (it[0],),
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Cast": _cast,
    "Gather": _gather,
    "Split": _split,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Neg": _negative,
    "Add": _arithmetic(np.add),
    "Sub": _arithmetic(np.subtract),
    "Mul": _arithmetic(np.multiply),
    "Div": _arithmetic(_divided),
    "DequantizeLinear": _dequantized,
}
"""The operators that are computed: none of them draws numbers or reads anything but its inputs."""

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
        operation = _Operation(
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
