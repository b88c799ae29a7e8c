"""Nodes of an ONNX graph in the order in which they run. What depends on constants only is computed at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.io.optional import needed

Array = NDArray[Any]

# What prepares weights: the file then has them in the form in which its nodes read them.
_AT_ONCE: dict[str, Callable[..., Array]] = {
    "Add": lambda a, b: a + b,
    "Concat": lambda *of, axis: np.concatenate(of, axis),
    "Expand": lambda a, shape: np.broadcast_to(a, np.broadcast_shapes(a.shape, tuple(shape))),
    "Neg": np.negative,
    "Reshape": lambda a, shape: a.reshape(shape),
    "Slice": lambda a, start, stop, axis=(0,): a.take(range(start[0], stop[0]), axis[0]),
    "Transpose": lambda a, perm: a.transpose(perm),
    "Unsqueeze": lambda a, axes: np.expand_dims(a, tuple(axes)),
}


class Nodes:
    """A graph that is being written. Its values are known by their names.

    Args:
        outer: the graph around this one, whose values its nodes may read (a Scan's body); None for a whole graph.
        int8: whether matrices are multiplied in 8 bits (`tidegate.export.onnx.matrix_product`).
    """

    def __init__(self, outer: Nodes | None = None, *, int8: bool = False):
        self.int8 = int8 if outer is None else outer.int8
        self.exact: set[str] = set()  # vectors that are multiplied in float32 also then
        self.rounded: dict[str, tuple[str, str]] = {}  # vectors in 8 bits, and their scales
        self.onnx = needed("onnx", "ONNX files need")
        self.protos: list[Any] = []
        self.constants: dict[str, Array] = {} if outer is None else outer.constants
        self._taken: set[str] = set() if outer is None else outer._taken
        self._known: dict[tuple[Any, ...], str] = {} if outer is None else outer._known

    def free(self, name: str) -> str:
        """Return a name that no value of the graph, or of one around or within it, has: the one given if it is free."""
        number, found = 1, name
        while found in self._taken:
            number += 1
            found = f"{name}_{number}"
        self._taken.add(found)
        return found

    def constant(self, value: Any, name: str = "constant") -> str:
        """Return the name of a constant; equal ones have one name."""
        array = np.ascontiguousarray(value)
        array = array.reshape(np.shape(value))  # NumPy makes a vector of a number
        key = (array.dtype.str, array.shape, hashlib.sha256(array.data).digest())
        if key not in self._known:
            self._known[key] = self.free(name)
            self.constants[self._known[key]] = array
        return self._known[key]

    def shape(self, *sizes: int) -> str:
        """Return a constant with sizes or axes."""
        return self.constant(np.array(sizes, np.int64), "shape")

    def number(self, value: float) -> str:
        """Return a constant with one number, which goes with values of every shape."""
        return self.constant(np.array(value, np.float32), "number")

    def add(self, operation: str, *of: str, name: str = "", **attributes: Any) -> str:
        """Add a node with one result; return its name.

        Args:
            operation: of the ONNX standard.
            of: the operands; "" for one that is left out.
            name: of the result, if it is free.
            attributes: of the node.
        """
        if operation in _AT_ONCE and all(it in self.constants for it in of):
            made = _AT_ONCE[operation](*[self.constants[it] for it in of], **attributes)
            return self.constant(made, name or "weight")
        return self.add_many(operation, *of, names=(name or operation.lower(),), **attributes)[0]

    def name(self, value: str, name: str) -> None:
        """Give a value a name that `free` returned: those of the graph's results are chosen before the others."""
        self.protos.append(self.onnx.helper.make_node("Identity", [value], [name], name=self.free(f"Identity {name}")))

    def call(self, value: str, name: str) -> str:
        """Call the result of the last node by a name, if it is free; return the name."""
        if not self.protos or list(self.protos[-1].output) != [value]:
            return value
        self.protos[-1].output[0] = self.free(name)
        return self.protos[-1].output[0]

    def add_many(self, operation: str, *of: str, names: tuple[str, ...], **attributes: Any) -> list[str]:
        """Add a node with several results; return their names. A result with the name "" is left out."""
        results = [it and self.free(it) for it in names]
        node = self.onnx.helper.make_node(operation, of, results, **attributes)
        node.name = self.free(f"{operation} {results[0] or results[-1]}")
        self.protos.append(node)
        return results

    def in_int8(self, vectors: str) -> bool:
        """Whether products with these vectors are in 8 bits."""
        return self.int8 and vectors not in self.exact

    def rows(self, value: str, start: int, stop: int) -> str:
        """Return rows of a matrix, or numbers of a vector."""
        return self.add("Slice", value, self.shape(start), self.shape(stop))

    def inputs(self, *named: tuple[str, Any, tuple[Any, ...]]) -> list[Any]:
        """Return descriptions of inputs or outputs: name, type as in NumPy, shape (a size may be a name)."""
        helper = self.onnx.helper
        return [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
            for name, kind, shape in named
        ]

    def used_constants(self) -> list[Any]:
        """Return those constants that nodes read, as initializers."""
        read = _reads(self.protos)
        make = self.onnx.numpy_helper.from_array
        return [make(array, name) for name, array in self.constants.items() if name in read]


def _reads(nodes: Any) -> set[str]:
    """Return what nodes read, and those within them."""
    found = {name for node in nodes for name in node.input}
    for node in nodes:
        for attribute in node.attribute:
            found |= _reads(attribute.g.node) | {it.name for it in attribute.g.output}
    return found
