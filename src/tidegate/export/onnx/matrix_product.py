"""Products of matrices and vectors as ONNX nodes, in float32 or in 8 bits.

In 8 bits each row of the matrix, and each vector, is whole numbers from -127 to 127 and a scale::

    W x ≈ s_w s_x (round(W / s_w) round(x / s_x)),  s_w = max |w| / 127 of each row,  s_x = max |x| / 127 at every step

Products of whole numbers are added up in 32 bits, exactly. Both are stored with 128 added, as uint8: on processors
with AVX2 and without VNNI, ONNX Runtime adds products of uint8 and int8 in 16 bits, which saturate, but not those of
uint8 and uint8.
"""

from __future__ import annotations

import numpy as np
import torch

from tidegate.engine.int8 import LARGEST, in_int8
from tidegate.export.int8.arithmetic import TINY
from tidegate.export.onnx.nodes import Nodes

ZERO = 128  # what stands for 0


def multiply(nodes: Nodes, vectors: str, matrix: str, addend: str = "", *, name: str) -> str:
    """Multiply a matrix by vectors.

    Args:
        nodes: to which the product is added.
        vectors: (..., K).
        matrix: (N, K); a constant if products are in 8 bits.
        addend: what is added, (N,) or (..., N); "" for nothing.
        name: of the result.

    Returns:
        (..., N).
    """
    if nodes.in_int8(vectors):
        made = _in_int8(nodes, vectors, matrix)
    else:
        made = nodes.add("MatMul", vectors, nodes.add("Transpose", matrix, perm=[1, 0], name=f"{name}_W"))
    return nodes.add("Add", made, addend, name=name) if addend else made


def block_diagonal(nodes: Nodes, matrix: str, heads: int, gates: int) -> str:
    """Return the matrices (gates * H, H / heads) of a cell with heads with the zeros between them, (gates * H, H)."""
    by_gate = torch.from_numpy(nodes.constants[matrix].copy()).chunk(gates)
    whole = torch.cat([torch.block_diag(*own.chunk(heads)) for own in by_gate])
    return nodes.constant(whole.numpy(), "block_diagonal")


def _in_int8(nodes: Nodes, vectors: str, matrix: str) -> str:
    whole, scale = in_int8(torch.from_numpy(nodes.constants[matrix].copy()))
    weights = nodes.constant((whole.to(torch.int16) + ZERO).to(torch.uint8).numpy().T, f"{matrix}_int8")
    zero = nodes.constant(np.array(ZERO, np.uint8), "zero")
    if vectors not in nodes.rounded:
        nodes.rounded[vectors] = _rounded(nodes, vectors)
    given, own_scale = nodes.rounded[vectors]
    total = nodes.add("MatMulInteger", given, weights, zero, zero)
    total = nodes.add("Cast", total, to=nodes.onnx.TensorProto.FLOAT)
    # One scale after the other: where both are multiplied first, ONNX Runtime (1.31.1) makes one node of all this,
    # which takes the scale of the first vector for those of all.
    return nodes.add("Mul", nodes.add("Mul", total, nodes.constant(scale[:, 0].numpy(), f"{matrix}_scale")), own_scale)


def _rounded(nodes: Nodes, vectors: str) -> tuple[str, str]:
    """Return vectors (..., K) as whole numbers and scales (..., 1)."""
    largest = nodes.add("ReduceMax", nodes.add("Abs", vectors), nodes.shape(-1), keepdims=1)
    largest, count = nodes.add("Max", largest, nodes.number(TINY)), nodes.number(LARGEST)
    whole = nodes.add("Round", nodes.add("Mul", vectors, nodes.add("Div", count, largest)))
    shifted = nodes.add("Cast", nodes.add("Add", whole, nodes.number(ZERO)), to=nodes.onnx.TensorProto.UINT8)
    return shifted, nodes.add("Div", largest, count)
