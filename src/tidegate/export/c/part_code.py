"""The parts of a model other than recurrent layers in C: the statements of one step, and what they remember."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.export.c.c_functions import ATOM, EXPRESSIONS
from tidegate.export.c.cell_code import number
from tidegate.export.c.product_loops import Code, Products, Stream, padded
from tidegate.export.graph.graph import Value
from tidegate.export.graph.parts import Convolution, LayerNorm, Numbers, Pointwise, Pool, Softmax

LONGEST = 80  # characters of an expression that is written within another


def product_function(
    name: str,
    title: str,
    rows: int,
    bias: Tensor | None,
    streams: list[Stream],
    lanes: int,
    products: Products,
    *,
    given: str,
) -> Code:
    """Return a function that sums products.

    Args:
        name: of the function.
        title: a comment over it.
        rows: the numbers that it returns.
        bias: is added to them.
        streams: the products, each of sum 0.
        lanes: numbers that are computed together.
        products: how products are written.
        given: its arguments between the weights w and the result y.
    """
    lanes = products.lanes(1, rows, lanes)
    code = Code()
    code.lines += [
        f"/* {title} */",
        f"static void {name}(const float *restrict w, {given}, float *restrict y) {{",
    ]
    sums = ["s"], [torch.zeros(rows) if bias is None else bias]
    products.prepare(code, *sums, streams, lanes)
    code.lines.append(f"  for (int b = 0; b < {padded(rows, lanes) // lanes}; ++b) {{")
    products.add(code, *sums, streams, lanes)
    code.lines += [
        f"    const int left = {rows} - b * {lanes};",
        f"    const int count = left < {lanes} ? left : {lanes};",
        f"    memcpy(y + b * {lanes}, s, (size_t)count * sizeof(float));",
        "  }",
        "}",
    ]
    return code


def taps(part: Convolution, inputs: int) -> list[Stream]:
    """Return the products of a convolution with ``past``, the frames before from the oldest on, and ``x``."""
    reach = part.weight.shape[2] - 1
    return [
        Stream(f"(past + {k * part.dilation * inputs})" if k < reach else "x", inputs, [(0, part.weight[:, :, k])], "x")
        for k in range(reach + 1)
    ]


def depthwise(part: Convolution, x: str, past: str, w: str, y: str) -> list[str]:
    """Write a convolution of each feature by itself; its weights are K rows and the bias."""
    size, _, reach = part.weight.shape
    sums = [
        f"{w}[{k * size} + n] * " + (f"{past}[{k * part.dilation * size} + n]" if k < reach - 1 else f"{x}[n]")
        for k in range(reach)
    ]
    return [f"for (int n = 0; n < {size}; ++n)", f"  {y}[n] = {w}[{reach * size} + n] + {' + '.join(sums)};"]


def remember_frame(past: str, x: str, size: int, frames: int) -> list[str]:
    """Write that a frame joins those before it, and the oldest is forgotten."""
    shift = [f"memmove({past}, {past} + {size}, {(frames - 1) * size} * sizeof(float));"] if frames > 1 else []
    return [*shift, f"memcpy({past} + {(frames - 1) * size}, {x}, {size} * sizeof(float));"]


def layer_norm(part: LayerNorm, size: int, x: str, w: str, y: str) -> list[str]:
    """Write a normalisation over features; its weights are the weight and the bias, if it has them."""
    scaled = f"({x}[n] - mean) * scale"
    if part.weight is not None:
        scaled += f" * {w}[n]"
    if part.bias is not None:
        scaled += f" + {w}[{size} + n]"
    each = f"for (int n = 0; n < {size}; ++n)"
    return [
        "{",
        "  float mean = 0.0f, spread = 0.0f;",
        f"  {each} mean += {x}[n];",
        f"  mean /= {size};",
        f"  {each} spread += ({x}[n] - mean) * ({x}[n] - mean);",
        f"  const float scale = 1.0f / sqrtf(spread / {size} + {number(part.eps)});",
        f"  {each} {y}[n] = {scaled};",
        "}",
    ]


def softmax(part: Softmax, size: int, x: str, y: str) -> list[str]:
    """Write a softmax over features."""
    each = f"for (int n = 0; n < {size}; ++n)"
    lines = ["{", f"  float most = {x}[0], sum = 0.0f;", f"  {each} most = {x}[n] > most ? {x}[n] : most;"]
    if part.log:
        lines += [f"  {each} sum += exp_({x}[n] - most);", "  const float all = most + logf(sum);"]
        return [*lines, f"  {each} {y}[n] = {x}[n] - all;", "}"]
    lines += [f"  {each} sum += {y}[n] = exp_({x}[n] - most);"]
    return [*lines, f"  {each} {y}[n] /= sum;", "}"]


def pool(part: Pool, size: int, x: str, score: str, state: str, *, whole: bool) -> list[str]:
    """Write how a pooled vector takes in a step.

    Args:
        part: the pooling.
        size: numbers of the vector.
        x: the vector of the step.
        score: the step's score, of attention.
        state: the pooled vector; of attention behind it the largest score, and the sum of e^(score - largest).
        whole: whether this is in a loop over the whole sequence, forwards or backwards, at step t of ``steps``.
    """
    steps = "state->steps"
    each = f"for (int n = 0; n < {size}; ++n)"
    copy = f"memcpy({state}, {x}, {size} * sizeof(float));"
    match part.kind:
        case "last":
            return [f"if (t == steps - 1) {copy}" if whole else copy]
        case "first":
            return [f"if ({'t' if whole else steps} == 0) {copy}"]
        case "mean":
            return [f"{each} {state}[n] += ({x}[n] - {state}[n]) / (float)({steps} + 1);"]
        case "max":
            return [f"{each} {state}[n] = {steps} == 0 || {x}[n] > {state}[n] ? {x}[n] : {state}[n];"]
        case "attention":
            most, total = f"{state}[{size}]", f"{state}[{size + 1}]"
            return [
                "{ /* softmax over steps: sums are scaled anew where a score is larger than all before it */",
                f"  const float most = {steps} == 0 || {score}[0] > {most} ? {score}[0] : {most};",
                f"  const float before = {steps} == 0 ? 0.0f : {total} * exp_({most} - most);",
                f"  const float own = exp_({score}[0] - most);",
                f"  {most} = most;",
                f"  {total} = before + own;",
                f"  {each} {state}[n] += ({x}[n] - {state}[n]) * (own / {total});",
                "}",
            ]


class PointwiseCode:
    """Pointwise operations as expressions of the element n; those that one other uses are written within it.

    Args:
        arrays: the name of the array of each value that has one.
        inlined: the values that are written where they are used.
    """

    def __init__(self, arrays: dict[Value, str], inlined: set[Value]):
        self.arrays, self.inlined = arrays, inlined
        self.operations: set[str] = set()

    def element(self, value: Value) -> tuple[str, int]:
        """Return the element n of a value, and how closely the expression binds."""
        if isinstance(value.part, Numbers) and value.size == 1:
            text = number(float(value.part.values[0]))
            return text, ATOM
        if value in self.inlined:
            return self.expression(value)
        return f"{self.arrays[value]}[{'n' if value.size > 1 else 0}]", ATOM

    def expression(self, value: Value) -> tuple[str, int]:
        """Return what an operation computes of the element n."""
        assert isinstance(value.part, Pointwise)
        self.operations.add(value.part.operation)
        return EXPRESSIONS[value.part.operation].write(*map(self.element, value.of))
