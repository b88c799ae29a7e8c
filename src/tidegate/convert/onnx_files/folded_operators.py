"""Operators that are computed on constants, in NumPy: those that cut, turn, join and scale weights.

None of them draws numbers or reads anything but its inputs, and each counts what it allocates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.convert.onnx_files.graph_scopes import Node
from tidegate.drawing.brief import brief_repr


@dataclass(eq=False)
class Operation:
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
        """Return an attribute."""
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


def _slice(it: Operation) -> Arrays:
    x, starts, ends = it[0], it.numbers(1, "starts") or [], it.numbers(2, "ends") or []
    axes = it.numbers(3, "axes") or [*range(len(starts))]
    steps = it.numbers(4, "steps") or [1] * len(starts)
    cuts = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cuts[axis] = slice(start, end, step)
    return (x[tuple(cuts)],)


def _concat(it: Operation) -> Arrays:
    parts = [it[n] for n in range(len(it.inputs))]
    it.claim(sum(part.size for part in parts))
    return (np.concatenate(parts, it.setting("axis")),)


def _unsqueeze(it: Operation) -> Arrays:
    return (np.expand_dims(it[0], tuple(it.numbers(1, "axes") or ())),)


def _squeeze(it: Operation) -> Arrays:
    axes = it.numbers(1, "axes")
    return (np.squeeze(it[0], None if axes is None else tuple(axes)),)


def _transpose(it: Operation) -> Arrays:
    return (np.transpose(it[0], it.setting("perm")),)


def _reshape(it: Operation) -> Arrays:
    x, shape = it[0], it.numbers(1, "shape") or []
    if not it.setting("allowzero", 0):
        shape = [x.shape[n] if size == 0 else size for n, size in enumerate(shape)]
    it.claim(x.size)
    return (x.reshape(shape),)


def _flatten(it: Operation) -> Arrays:
    it.claim(it[0].size)
    return (it[0].reshape(math.prod(it[0].shape[: it.setting("axis", 1)]), -1),)


def _cast(it: Operation) -> Arrays:
    import onnx

    wanted = onnx.helper.tensor_dtype_to_np_dtype(it.setting("to"))
    if wanted.kind not in "fiub" or wanted.isbuiltin != 1:
        raise ValueError(f"to {wanted.name}, which NumPy does not have")
    it.claim(2 * it[0].size)
    return (it[0].astype(wanted),)


def _gather(it: Operation) -> Arrays:
    x, indices, axis = it[0], it[1].astype(np.int64), it.setting("axis", 0)
    it.claim(indices.size * (x.size // max(1, x.shape[axis])))
    return (np.take(x, indices, axis),)


def _split(it: Operation) -> Arrays:
    x, sizes, axis = it[0], it.numbers(1, "split"), it.setting("axis", 0)
    if sizes is None:
        count = len(it.node.proto.output)
        each = -(-x.shape[axis] // count)
        sizes = [min(each, max(0, x.shape[axis] - n * each)) for n in range(count)]
    if sum(sizes) != x.shape[axis] or min(sizes) < 0:
        raise ValueError(f"an axis of {x.shape[axis]} into {sizes}")
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def _expand(it: Operation) -> Arrays:
    shape = np.broadcast_shapes(it[0].shape, tuple(it.numbers(1, "shape") or ()))
    it.claim(math.prod(shape))
    return (np.broadcast_to(it[0], shape).copy(),)


def _constant_of_shape(it: Operation) -> Arrays:
    import onnx

    shape, value = it.numbers(0, "shape") or [], it.setting("value")
    it.claim(math.prod(shape))
    filled = np.zeros(1, np.float32) if value is None else onnx.numpy_helper.to_array(value)
    return (np.full(shape, filled.reshape(()), filled.dtype),)


def _shape(it: Operation) -> Arrays:
    return (np.array(it[0].shape[it.setting("start", 0) : it.setting("end")], np.int64),)


def _negative(it: Operation) -> Arrays:
    it.claim(it[0].size)
    return (-it[0],)


def _arithmetic(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Operation], Arrays]:
    def computed(it: Operation) -> Arrays:
        if it[0].dtype != it[1].dtype or it[0].dtype.kind not in "fiu":
            raise ValueError(f"on {it[0].dtype} and {it[1].dtype}")
        it.claim(math.prod(np.broadcast_shapes(it[0].shape, it[1].shape)))
        return (function(it[0], it[1]),)

    return computed


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind != "f":
        raise ValueError("of whole numbers")
    return a / b


def _dequantized(it: Operation) -> Arrays:
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


FOLDED: dict[str, Callable[[Operation], Arrays]] = {
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
"""The operators, by their names."""
