"""A model in C: a header, the code, and the weights, from parts that run one after another."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.drawing.brief import brief_repr
from tidegate.engine import Weights
from tidegate.export.c.c_functions import ATOM, EXPRESSIONS, definitions
from tidegate.export.c.cell_code import CellCode
from tidegate.export.c.product_loops import KEEP_LOOP, Code, Stream, lanes_for, padded, product_loops

MAGIC, VERSION, HEADER = b"TIDEGATE", 1, 64


@dataclass
class ModelCode:
    """A model that is written part by part.

    Attributes:
        name: the prefix of its functions and types.
        lanes: the numbers that are computed together.
        tokens: how many tokens there are, for a model that reads tokens; None if it reads numbers.
        inputs: numbers of a frame, for one that does.
        states: the name of each state, its numbers, and the room that it takes.
        functions: the definitions of its layers.
        calls: the statements of a step.
        numbers: the weights, in order.
        operations: what of `EXPRESSIONS` is used.
        width: how many numbers the last part returns.
        at: where they are.
    """

    name: str
    lanes: int = 16
    tokens: int | None = None
    inputs: int = 0
    states: list[tuple[str, int, int]] = field(default_factory=list)  # name, size, room
    functions: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    numbers: list[Tensor] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    width: int = 0
    at: str = "x"

    __repr__ = brief_repr

    def embedding(self, table: Tensor) -> None:
        """Add an embedding: the row of the token."""
        place = self._weights(table.detach().flatten())
        self.calls.append(f"  const float *x0 = model->weights + {place} + (size_t)token * {table.shape[1]};")
        self.width, self.at = table.shape[1], "x0"

    def layer(self, cell: Cell, weights: Weights) -> None:
        """Add a layer in one direction."""
        n = len([f for f in self.functions if "_layer" in f])
        one_hot = self.at == "x" and self.tokens is not None
        made = CellCode(cell, weights, self.width, self.lanes, one_hot=one_hot)
        code = made.write()
        vectors = [*made.vectors()]
        place = self._weights(torch.cat([*code.numbers, *[vector for _, vector in vectors]]))
        self.operations |= code.operations
        states = [f"float *restrict {name}_prev" for name in cell.states]
        given = "const int token" if one_hot else "const float *restrict x"
        equations = "\n".join(f"     {line}" for line in cell.text().splitlines())
        title = f"Layer {n}: {cell.name}, {made.hidden} hidden units"
        function = f"static void {self.name}_layer{n}(const float *restrict w, {given}, {', '.join(states)}) {{"
        head = f"/* {title}\n\n{equations}\n*/\n{function}"
        after = sum(t.numel() for t in code.numbers)
        pointers = []
        for name, vector in vectors:
            pointers.append(f"  const float *const {name} = w + {after};")
            after += vector.numel()
        self.functions.append("\n".join([head, *pointers, *code.lines, "}"]))
        for name in cell.states:
            size = made.state_size(name)
            self.states.append((f"{name}{n}", size, padded(size, made.lanes)))
        own = ", ".join(f"state->{name}{n}" for name in cell.states)
        self.calls.append(
            f"  {self.name}_layer{n}(model->weights + {place}, {'token' if one_hot else self.at}, {own});"
        )
        self.width, self.at = made.outputs, f"state->{cell.states[0]}{n}"

    def linear(self, weight: Tensor, bias: Tensor | None) -> None:
        """Add ``y = W x + b``."""
        n, (rows, columns) = len(self.functions), weight.shape
        lanes = lanes_for(1, rows, self.lanes)
        code, wide = Code(), padded(rows, lanes)
        own = torch.zeros(rows) if bias is None else bias.detach()
        product_loops(code, ["s"], [own], [Stream("x", columns, [(0, weight.detach())])], lanes)
        place = self._weights(torch.cat(code.numbers))
        function = f"{self.name}_linear{n}(const float *restrict w, const float *restrict x, float *restrict y)"
        lines = [
            f"/* y = W x + b, {columns} to {rows} */",
            f"static void {function} {{",
            f"  for (int b = 0; b < {wide // lanes}; ++b) {{",
            *code.lines,
            f"    const int left = {rows} - b * {lanes};",
            f"    const int count = left < {lanes} ? left : {lanes};",
            f"    memcpy(y + b * {lanes}, s, (size_t)count * sizeof(float));",
            "  }",
            "}",
        ]
        self.functions.append("\n".join(lines))
        self.calls.append(f"  float y{n}[{rows}];")
        self.calls.append(f"  {self.name}_linear{n}(model->weights + {place}, {self.at}, y{n});")
        self.width, self.at = rows, f"y{n}"

    def pointwise(self, operation: str) -> None:
        """Add an activation."""
        self.operations.add(operation)
        n = len(self.calls)
        text = EXPRESSIONS[operation].write((f"{self.at}[n]", ATOM))[0]
        self.calls.append(f"  float a{n}[{self.width}];")
        self.calls.append(f"  for (int n = 0; n < {self.width}; ++n) a{n}[n] = {text};")
        self.at = f"a{n}"

    def _weights(self, numbers: Tensor) -> int:
        place = sum(t.numel() for t in self.numbers)
        room = torch.zeros(padded(numbers.numel(), 16))
        room[: numbers.numel()] = numbers
        self.numbers.append(room)
        return place

    def weights(self) -> bytes:
        """Return the file of weights: magic, version, count, digest of the numbers, then these."""
        numbers = torch.cat(self.numbers).numpy().astype("<f4").tobytes()
        digest = hashlib.sha256(numbers).digest()
        head = MAGIC + struct.pack("<II", VERSION, len(numbers) // 4) + digest
        return head.ljust(HEADER, b"\0") + numbers

    def given(self) -> str:
        """The argument with which a step is given its input."""
        return "int token" if self.tokens is not None else "const float *x"

    def header(self) -> str:
        """Return the header."""
        p, up = self.name, self.name.upper()
        states = "\n".join(f"  float {name}[{room}];" for name, _, room in self.states)
        one, many = (
            ("int token", "const int *tokens") if self.tokens is not None else ("const float *x", "const float *x")
        )
        of = f"a token, 0 to {self.tokens - 1}" if self.tokens is not None else f"a frame of {self.inputs} numbers"
        return f"""\
#ifndef {up}_H
#define {up}_H
#include <stddef.h>

enum {{ {up}_OUTPUTS = {self.width}, {up}_WEIGHTS = {sum(t.numel() for t in self.numbers)} }};

/* What the model remembers from one step to the next. It belongs to the caller, and holds no pointers: to keep a state
   and return to it, copy it. */
typedef struct {{
{states}
}} {p}_state;

typedef struct {{
  const float *weights;
}} {p}_model;

/* Use the bytes of {p}.bin, which have to stay where they are, at an address that is a multiple of 4.
   Returns 0; 1 if the size is wrong, 2 if it is no such file, 3 if it belongs to another model. */
int {p}_load({p}_model *model, const void *bytes, size_t size);

/* Begin a new sequence. */
void {p}_reset({p}_state *state);

/* Read {of}, and write {up}_OUTPUTS numbers to y. */
void {p}_step(const {p}_model *model, {p}_state *state, {one}, float *y);

/* Read n of them, and write n times {up}_OUTPUTS numbers. */
void {p}_block(const {p}_model *model, {p}_state *state, {many}, int n, float *y);

#endif
"""

    def source(self) -> str:
        """Return the code."""
        p, up = self.name, self.name.upper()
        digest = hashlib.sha256(self.weights()[HEADER:]).digest()
        bytes_ = ", ".join(f"0x{b:02x}" for b in digest)
        nth = "tokens[t]" if self.tokens is not None else f"x + (size_t)t * {self.inputs}"
        many = "const int *tokens" if self.tokens is not None else "const float *x"
        functions, calls = "\n\n".join(self.functions), "\n".join(self.calls)
        return f"""\
#include "{p}.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

{KEEP_LOOP}

{definitions(sorted(self.operations))}

{functions}

static const unsigned char digest[32] = {{{bytes_}}};

int {p}_load({p}_model *model, const void *bytes, size_t size) {{
  const unsigned char *const file = bytes;
  const uint32_t version = {VERSION};
  if (size != {HEADER} + {up}_WEIGHTS * sizeof(float)) return 1;
  if (memcmp(file, "TIDEGATE", 8) != 0 || memcmp(file + 8, &version, 4) != 0) return 2;
  if (memcmp(file + 16, digest, sizeof digest) != 0) return 3;
  model->weights = (const float *)(file + {HEADER});
  return 0;
}}

void {p}_reset({p}_state *state) {{ memset(state, 0, sizeof *state); }}

void {p}_step(const {p}_model *model, {p}_state *state, {self.given()}, float *y) {{
{calls}
  memcpy(y, {self.at}, {self.width} * sizeof(float));
}}

void {p}_block(const {p}_model *model, {p}_state *state, {many}, int n, float *y) {{
  for (int t = 0; t < n; ++t) {p}_step(model, state, {nth}, y + (size_t)t * {up}_OUTPUTS);
}}
"""
