"""Loops that add up products of matrices and a vector, and the weights in the order in which they read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr

ONE_HOT = "one-hot"
SUMS_AT_ONCE = 4  # vectors that are added to in turn, where memory is slower than that
MOST_SUMS = 12  # vectors that registers hold beside what is added
FEW = 64  # numbers of sums, which are four vectors of the widest kind
SMALL = 12 << 10  # weights that the fastest cache holds
LARGE = 1 << 13  # weights that the fastest cache does not hold beside all else
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
        source: the name of the vector, if the operand is a part of a longer one.
    """

    operand: str
    size: int
    products: list[tuple[int, Tensor]]
    source: str = ""


class Products(Protocol):
    """How products of matrices and vectors are written, and how their weights lie in memory."""

    def of(self, value: str) -> Products:
        """Return how those of a value of a graph are written."""
        ...

    def lanes(self, sums: int, size: int, lanes: int) -> int:
        """Return how many results are computed together.

        Args:
            sums: of each result.
            size: the results.
            lanes: that are asked for.
        """
        ...

    def prepare(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write what comes before the loop over blocks; the arguments are those of `add`."""
        ...

    def add(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write the loops that sum products for one block of results, and pack what they read for all blocks.

        Args:
            code: to which lines and numbers are added.
            names: of the sums, arrays of ``lanes`` numbers.
            biases: with which the sums begin, each (N,).
            streams: the products.
            lanes: the results in a block.
        """
        ...


class Float32Products:
    """Products in float32: a row of numbers from as many rows of the matrix at a time."""

    def of(self, value: str) -> Products:
        """Return these: they are written alike for all values."""
        return self

    def lanes(self, sums: int, size: int, lanes: int) -> int:
        """Return enough that additions need not wait for one another: all of a small layer, if registers hold them."""
        wide = padded(size, lanes)
        if sums * wide <= MOST_SUMS * lanes and sums * wide * size <= SMALL:
            return wide
        wanted = lanes * max(1, SUMS_AT_ONCE // max(1, sums))
        return min(wanted, max(lanes, wide))

    def prepare(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write loops over blocks for all streams but the last, if there are many weights."""
        if not _in_passes(streams):
            return
        wide = padded(len(biases[0]), lanes)
        code.lines += [f"  float {name}_all[{wide}];" for name in names]
        for n, stream in enumerate(streams[:-1]):
            code.lines.append(f"  for (int b = 0; b < {wide // lanes}; ++b) {{")
            begin_sums(code, names, lanes, resumed=n > 0)
            _add_stream(code, names, stream, lanes)
            code.lines.append(f"    {each_lane(lanes)}")
            code.lines += [f"      {name}_all[b * {lanes} + u] = {name}[u];" for name in names]
            code.lines += ["    }", "  }"]
            parts = [] if n else [in_blocks(biases, lanes)]
            code.numbers.append(torch.cat([*parts, columns_in_blocks(stream.products, lanes)], 1).flatten())

    def add(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write the loops, and pack the weights."""
        resumed = _in_passes(streams)
        begin_sums(code, names, lanes, resumed=resumed)
        here = streams[-1:] if resumed else streams
        for stream in here:
            _add_stream(code, names, stream, lanes)
        parts = [] if resumed else [in_blocks(biases, lanes)]
        code.numbers.append(
            torch.cat([*parts, *(columns_in_blocks(stream.products, lanes) for stream in here)], 1).flatten()
        )


FLOAT32 = Float32Products()


def _in_passes(streams: Sequence[Stream]) -> bool:
    """Whether the streams are read one after the other, each for all blocks.

    Processors fetch ahead what an instruction will read, if it goes on from where it was. In one loop over blocks, two
    instructions would each leave out what the other reads.
    """
    dense = [stream for stream in streams if stream.operand != ONE_HOT]
    return len(dense) > 1 and sum(matrix.numel() for stream in dense for _, matrix in stream.products) > LARGE


def _add_stream(code: Code, names: Sequence[str], stream: Stream, lanes: int) -> None:
    """Write the loop over an operand; where few sums of a small layer would wait for one another, with two for each."""
    operand, size, products = stream[:3]
    if operand == ONE_HOT:
        add_one_hot(code, names, stream, lanes)
        return
    step, given = len(products) * lanes, [(names[a], n * lanes) for n, (a, _) in enumerate(products)]
    if step <= FEW and sum(it.numel() for _, it in products) <= SMALL // 2 and size > 8 and size % 2 == 0:
        code.lines.append("    {")  # another operand may have such sums, too
        code.lines += [f"    float odd_{name}[{lanes}] = {{0}};" for name, _ in given]
        code.lines.append(f"    for (int k = 0; k < {size}; k += 2, w += {2 * step}) {{")
        code.lines.append(f"      const float v = {operand}[k], odd = {operand}[k + 1];")
        code.lines.append(f"      {each_lane(lanes)}")
        code.lines += [f"        {name}[u] += w[{at} + u] * v;" for name, at in given]
        code.lines += [f"        odd_{name}[u] += w[{step + at} + u] * odd;" for name, at in given]
        code.lines += ["      }", "    }", f"    {each_lane(lanes)}"]
        code.lines += [f"      {name}[u] += odd_{name}[u];" for name, _ in given]
        code.lines += ["    }", "    }"]
        return
    code.lines.append(f"    for (int k = 0; k < {size}; ++k, w += {step}) {{")
    code.lines.append(f"      const float v = {operand}[k];")
    code.lines.append(f"      {each_lane(lanes)}")
    code.lines += [f"        {name}[u] += w[{at} + u] * v;" for name, at in given]
    code.lines += ["      }", "    }"]


def begin_sums(code: Code, names: Sequence[str], lanes: int, *, resumed: bool = False) -> None:
    """Write the sums of a block, which begin with its biases, or go on from those of a loop before."""
    code.lines += [f"    float {name}[{lanes}];" for name in names]
    code.lines.append(f"    {each_lane(lanes)}")
    if resumed:
        code.lines += [f"      {name}[u] = {name}_all[b * {lanes} + u];" for name in names]
        code.lines.append("    }")
        return
    code.lines += [f"      {name}[u] = w[{a * lanes} + u];" for a, name in enumerate(names)]
    code.lines += ["    }", f"    w += {len(names) * lanes};"]


def add_one_hot(code: Code, names: Sequence[str], stream: Stream, lanes: int) -> None:
    """Write the products with a vector that is 1 at a token and 0 elsewhere."""
    step = len(stream.products) * lanes
    code.lines.append(f"    {{ /* the row of the token, of {stream.size} */")
    code.lines.append(f"      const float *const row = w + (size_t)token * {step};")
    code.lines.append(f"      {each_lane(lanes)}")
    code.lines += [f"        {names[a]}[u] += row[{n * lanes} + u];" for n, (a, _) in enumerate(stream.products)]
    code.lines += ["      }", f"      w += {stream.size * step};", "    }"]


def in_blocks(vectors: Sequence[Tensor], lanes: int) -> Tensor:
    """Return vectors (N,) side by side for each block of lanes: (blocks, vectors * lanes)."""
    wide = padded(len(vectors[0]), lanes)
    return with_padding(torch.stack([*vectors]), wide).unflatten(1, (-1, lanes)).transpose(0, 1).flatten(1)


def columns_in_blocks(products: Sequence[tuple[int, Tensor]], lanes: int) -> Tensor:
    """Return matrices (N, size) for each block of rows, column by column side by side: (blocks, numbers)."""
    wide = padded(len(products[0][1]), lanes)
    matrices = torch.stack([with_padding(matrix.t().contiguous(), wide) for _, matrix in products])  # (P, size, wide)
    return matrices.unflatten(2, (-1, lanes)).permute(2, 1, 0, 3).flatten(1)


def with_padding(matrix: Tensor, wide: int) -> Tensor:
    """Return a matrix whose rows have zeros at the end, up to a size."""
    return torch.nn.functional.pad(matrix, (0, wide - matrix.shape[-1]))
