"""Loops that add up products of matrices and a vector, and the weights in the order in which they read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr

ONE_HOT = "one-hot"
SUMS_AT_ONCE = 4  # vectors that are added to in turn
SHORT = 16  # iterations, up to which GCC unrolls a loop before it looks for vectors, and then finds none
KEEP_LOOP = """\
/* GCC unrolls loops of up to 16 rounds before it looks for vectors, and then finds none. */
#if defined(__GNUC__) && !defined(__clang__)
#define KEEP_LOOP _Pragma("GCC unroll 1")
#else
#define KEEP_LOOP
#endif"""


@dataclass
class Code:
    """C code, and the numbers that it reads.

    Attributes:
        lines: of C.
        numbers: the weights, in the order in which the code reads them.
        operations: of the Program, that are used.
    """

    lines: list[str] = field(default_factory=list)
    numbers: list[Tensor] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)

    __repr__ = brief_repr


def lanes_for(sums: int, size: int, lanes: int) -> int:
    """Return how many results are computed together: enough that additions need not wait for one another.

    Args:
        sums: of each result.
        size: the results.
        lanes: that are asked for.
    """
    wanted = lanes * max(1, SUMS_AT_ONCE // max(1, sums))
    return min(wanted, max(lanes, padded(size, lanes)))


def each_lane(lanes: int) -> str:
    """Return the head of a loop over the numbers that are computed together."""
    return f"{'KEEP_LOOP ' if lanes <= SHORT else ''}for (int u = 0; u < {lanes}; ++u) {{"


def padded(size: int, lanes: int) -> int:
    """Round a size up to whole vectors."""
    return -(-size // lanes) * lanes


class Stream(NamedTuple):
    """An operand and its products.

    Attributes:
        operand: the name of an array, or `ONE_HOT`.
        size: its elements.
        products: the number of the sum to which each product is added, and its matrix (N, size).
    """

    operand: str
    size: int
    products: list[tuple[int, Tensor]]


def product_loops(
    code: Code,
    names: Sequence[str],
    biases: Sequence[Tensor],
    streams: Sequence[Stream],
    lanes: int,
) -> None:
    """Write the loops that sum products for one block of results, and pack what they read for all blocks.

    Args:
        code: to which lines and numbers are added.
        names: of the sums, arrays of ``lanes`` numbers.
        biases: with which the sums begin, each (N,).
        streams: the products.
        lanes: the results in a block.
    """
    wide, begin = padded(len(biases[0]), lanes), []
    for a, name in enumerate(names):
        code.lines.append(f"    float {name}[{lanes}];")
        begin.append(f"      {name}[u] = w[{a * lanes} + u];")
    code.lines += [f"    {each_lane(lanes)}", *begin, "    }", f"    w += {len(names) * lanes};"]
    for operand, size, products in streams:
        step = len(products) * lanes
        sums = [f"{names[a]}[u] += w[{n * lanes} + u] * v;" for n, (a, _) in enumerate(products)]
        if operand == ONE_HOT:
            code.lines.append(f"    {{ /* the row of the token, of {size} */")
            code.lines.append(f"      const float *const row = w + (size_t)token * {step};")
            code.lines.append(f"      {each_lane(lanes)}")
            code.lines += [f"        {names[a]}[u] += row[{n * lanes} + u];" for n, (a, _) in enumerate(products)]
            code.lines += ["      }", f"      w += {size * step};", "    }"]
            continue
        code.lines.append(f"    for (int k = 0; k < {size}; ++k, w += {step}) {{")
        code.lines.append(f"      const float v = {operand}[k];")
        code.lines.append(f"      {each_lane(lanes)}")
        code.lines += [f"        {line}" for line in sums]
        code.lines += ["      }", "    }"]
    parts = [with_padding(torch.stack([*biases]), wide).unflatten(1, (-1, lanes)).transpose(0, 1).flatten(1)]
    for _, _, products in streams:
        matrices = torch.stack(
            [with_padding(matrix.t().contiguous(), wide) for _, matrix in products]
        )  # (P, size, wide)
        parts.append(matrices.unflatten(2, (-1, lanes)).permute(2, 1, 0, 3).flatten(1))
    code.numbers.append(torch.cat(parts, 1).flatten())


def with_padding(matrix: Tensor, wide: int) -> Tensor:
    """Return a matrix whose rows have zeros at the end, up to a size."""
    return torch.nn.functional.pad(matrix, (0, wide - matrix.shape[-1]))
