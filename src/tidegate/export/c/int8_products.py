"""Products of weights and vectors that are both rounded to 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tidegate.engine.int8 import in_int8
from tidegate.errors import ArgumentError
from tidegate.export.c.cell_code import number
from tidegate.export.c.int8_functions import AT_ONCE, ROWS
from tidegate.export.c.product_loops import (
    ONE_HOT,
    Code,
    Stream,
    add_one_hot,
    begin_sums,
    columns_in_blocks,
    in_blocks,
    padded,
    with_padding,
)

LONGEST = 2**31 // (255 * 127) - AT_ONCE  # numbers of a vector whose products 32 bits hold


@dataclass(frozen=True)
class Int8Products:
    """Products of whole numbers, which are added up exactly: see `tidegate.export.int8.arithmetic.rounded_products`.

    Biases, and the rows of tokens, stay in float32.

    Attributes:
        scales: of vectors, by name; those of others follow from each vector.
        value: the value of the graph that reads the vectors.
    """

    scales: Mapping[str, float] = field(default_factory=dict)
    value: str = ""

    def of(self, value: str) -> Int8Products:
        """Return these for a value."""
        return Int8Products(self.scales, value)

    def lanes(self, sums: int, size: int, lanes: int) -> int:
        """Return `ROWS`: several numbers of each row are multiplied at a time, so additions need not wait."""
        return ROWS

    def prepare(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write how operands are rounded, each once."""
        for operand, size, _, source in streams:
            if operand == ONE_HOT:
                continue
            if size > LONGEST:
                raise ArgumentError(
                    f"{self.value}: vectors of at most {LONGEST:,} numbers can be multiplied in int8, not {size:,}."
                )
            name = _identifier(operand)
            scale = self.scales.get(f"{self.value}.{source or operand}")
            if scale is None:
                operation, given = "to_int8", ""
            else:
                operation, given = "to_int8_by_scale", f"{number(scale)}, "
            code.operations.add(operation)
            line = f"  const float {name}_scale = {operation}_({operand}, {size}, {given}{name}_whole);"
            if line not in code.lines:
                code.lines += [f"  int8_t {name}_whole[{padded(size, AT_ONCE)}];", line]

    def add(
        self, code: Code, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
    ) -> None:
        """Write the sums of a block of rows, and pack the weights."""
        begin_sums(code, names, lanes)
        parts = [in_blocks(biases, lanes)]
        for stream in streams:
            operand, size, products = stream[:3]
            if operand == ONE_HOT:
                add_one_hot(code, names, stream, lanes)
                parts.append(columns_in_blocks(products, lanes))
                continue
            code.operations.add("add_rows")
            name = _identifier(operand)
            given = f"{name}_whole, {padded(size, AT_ONCE)}, {name}_scale"
            code.lines += [f"    w = add_rows_(w, {given}, {names[a]});" for a, _ in products]
            parts += [rows_in_int8(matrix) for _, matrix in products]
        code.numbers.append(torch.cat(parts, 1).flatten())


def _identifier(operand: str) -> str:
    """Return an identifier of C for an operand, which may be an address such as ``(past + 12)``."""
    return operand.replace(" + ", "_").strip("()")


def rows_in_int8(matrix: Tensor) -> Tensor:
    """Pack a matrix for ``add_rows_``: (blocks, numbers), of which most are four whole numbers of 8 bits.

    Raises:
        ArgumentError: a weight is not finite.
    """
    whole, scale = in_int8(matrix.float())
    rows, columns = matrix.shape
    filled = whole.new_zeros(padded(rows, ROWS), padded(columns, AT_ONCE))
    filled[:rows, :columns] = whole
    shift = (-128 * filled.sum(1, dtype=torch.int32)).view(torch.float32).unflatten(0, (-1, ROWS))
    scales = with_padding(scale.T, len(filled)).unflatten(1, (-1, ROWS))[0]
    fours = filled.view(torch.float32).unflatten(0, (-1, ROWS)).transpose(1, 2).flatten(1)
    return torch.cat([scales, shift, fours], 1)
