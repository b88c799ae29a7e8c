"""Products of a layer's input ahead of those of its state: for two steps at once, they read the weights once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.export.c.product_loops import (
    LARGE,
    Code,
    Float32Products,
    Products,
    Stream,
    columns_in_blocks,
    each_lane,
    in_blocks,
    padded,
)

STEPS = 2  # whose sums registers hold beside one another


@dataclass(frozen=True)
class ProductsAhead:
    """The sums of a layer's input, which a function of their own computes.

    Attributes:
        names: of the sums.
        biases: with which they begin, each (N,).
        stream: the products with the input x.
        lanes: the results in a block.
    """

    names: Sequence[str]
    biases: Sequence[Tensor]
    stream: Stream
    lanes: int

    __repr__ = brief_repr

    @property
    def size(self) -> int:
        """The numbers of all sums of a step."""
        return len(self.names) * padded(len(self.biases[0]), self.lanes)

    def numbers(self) -> Tensor:
        """Return the weights in the order in which the functions read them."""
        parts = [in_blocks(self.biases, self.lanes), columns_in_blocks(self.stream.products, self.lanes)]
        return torch.cat(parts, 1).flatten()

    def functions(self, name: str) -> list[str]:
        """Return the functions NAME_input of one step, and NAME_inputs of `STEPS`."""
        return [
            self._function(f"{name}_input", "The products of one step's input.", 1),
            self._function(f"{name}_inputs", f"Those of {STEPS} steps, for which the weights are read once.", STEPS),
        ]

    def pointers(self) -> list[str]:
        """Return the declarations of the sums in the function that goes on from them, whose argument is ``sums``."""
        wide = self.size // len(self.names)
        return [f"  const float *const {name}_all = sums + {n * wide};" for n, name in enumerate(self.names)]

    def _function(self, name: str, what: str, steps: int) -> str:
        lanes, (operand, size, products, _) = self.lanes, self.stream
        wide, step = self.size // len(self.names), len(products) * lanes
        arrays = [("next_" * s + it, n, s) for s in range(steps) for n, it in enumerate(self.names)]
        code = Code()
        code.lines += [f"/* {what} */"]
        code.lines.append(
            f"static void {name}(const float *restrict w, const float *restrict x, float *restrict sums) {{"
        )
        code.lines.append(f"  for (int b = 0; b < {wide // lanes}; ++b) {{")
        code.lines += [f"    float {it}[{lanes}];" for it, _, _ in arrays]
        code.lines.append(f"    {each_lane(lanes)}")
        code.lines += [f"      {it}[u] = w[{n * lanes} + u];" for it, n, _ in arrays]
        code.lines += ["    }", f"    w += {len(self.names) * lanes};"]
        code.lines.append(f"    for (int k = 0; k < {size}; ++k, w += {step}) {{")
        code.lines += [
            f"      const float {'next_' * s}v = {operand}[{f'{s * size} + ' if s else ''}k];" for s in range(steps)
        ]
        code.lines.append(f"      {each_lane(lanes)}")
        for n, (a, _) in enumerate(products):
            code.lines.append(f"        const float w{n} = w[{n * lanes} + u];")
            code.lines += [f"        {'next_' * s}{self.names[a]}[u] += w{n} * {'next_' * s}v;" for s in range(steps)]
        code.lines += ["      }", "    }", f"    {each_lane(lanes)}"]
        code.lines += [f"      sums[{s * self.size + n * wide} + b * {lanes} + u] = {it}[u];" for it, n, s in arrays]
        code.lines += ["    }", "  }", "}"]
        return "\n".join(code.lines)


def ahead(
    products: Products, names: Sequence[str], biases: Sequence[Tensor], streams: Sequence[Stream], lanes: int
) -> ProductsAhead | None:
    """Return the products of the input if they are worth functions of their own: many, and only a state's follow."""
    first = streams[0] if len(streams) == 2 and isinstance(products, Float32Products) else None
    if first is None or first.operand != "x" or sum(matrix.numel() for _, matrix in first.products) <= LARGE:
        return None
    return ProductsAhead(names, biases, first, lanes)
