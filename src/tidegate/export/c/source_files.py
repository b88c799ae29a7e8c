"""The header and the code of a model: its functions for those who call it, around what `ModelCode` has written."""

from __future__ import annotations

from tidegate.export.c.c_functions import definitions
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.product_loops import KEEP_LOOP
from tidegate.export.c.time_loops import run_lines, step_lines
from tidegate.export.c.weights_file import HEADER, VERSION, weights_bytes
from tidegate.export.graph.graph import Value


def one(value: Value) -> str:
    """Return the parameter with which a step is given an input."""
    return f"int {_singular(value.name)}" if value.tokens is not None else f"const float *{value.name}"


def many(value: Value, prefix: str = "") -> str:
    """Return the parameter with which all steps of an input are given."""
    return f"const {'int' if value.tokens is not None else 'float'} *{prefix}{value.name}"


def described(value: Value) -> str:
    """Say what a step of an input is."""
    if value.tokens is not None:
        return f"{_singular(value.name)}: 0 to {value.tokens - 1}"
    return f"{value.name}: {value.size} number{'s' if value.size > 1 else ''}"


def header(code: ModelCode) -> str:
    """Return the header."""
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    members = [f"  float {it.name}[{it.room}];" for it in code.states]
    if code.counts_steps:
        members.append("  uint32_t steps;")
    states = "\n".join(members or ["  char nothing;"])
    given = "; ".join(map(described, inputs))
    if code.graph.reads_backwards:
        what = f"{up}_OUTPUTS numbers" if code.graph.output.whole else f"{up}_OUTPUTS numbers for each"
        functions = f"""\
/* The bytes of memory that a run needs. */
size_t {p}_room(int steps);

/* Read a sequence of at least one step ({given}), and write {what} to y.
   room is memory for {p}_room(steps) bytes, at an address that is a multiple of 4; what it holds does not matter. */
void {p}_run(const {p}_model *model, {", ".join(map(many, inputs))}, int steps, void *room, float *y);"""
        state = ""
    else:
        functions = f"""\
/* Begin a new sequence. */
void {p}_reset(const {p}_model *model, {p}_state *state);

/* Read one step ({given}), and write {up}_OUTPUTS numbers to y. */
void {p}_step(const {p}_model *model, {p}_state *state, {", ".join(map(one, inputs))}, float *y);

/* Read n steps, and write n times {up}_OUTPUTS numbers. */
void {p}_block(const {p}_model *model, {p}_state *state, {", ".join(map(many, inputs))}, int n, float *y);"""
        state = f"""\
/* What the model remembers from one step to the next. It belongs to the caller, and holds no pointers: to keep a state
   and return to it, copy it. */
typedef struct {{
{states}
}} {p}_state;

"""
    return f"""\
#ifndef {up}_H
#define {up}_H
#include <stddef.h>
#include <stdint.h>

enum {{ {up}_OUTPUTS = {code.outputs}, {up}_WEIGHTS = {sum(t.numel() for t in code.numbers)} }};

{state}typedef struct {{
  const float *weights;
}} {p}_model;

/* Use the bytes of {p}.bin, which have to stay where they are, at an address that is a multiple of 4.
   Returns 0; 1 if the size is wrong, 2 if it is no such file, 3 if it belongs to another model. */
int {p}_load({p}_model *model, const void *bytes, size_t size);

{functions}

#endif
"""


def source(code: ModelCode) -> str:
    """Return the code."""
    p, up = code.name, code.name.upper()
    digest = ", ".join(f"0x{b:02x}" for b in weights_bytes(code)[16:48])
    functions = "\n\n".join(code.functions)
    timed = _run(code) if code.graph.reads_backwards else _step(code)
    return f"""\
#include "{p}.h"

#include <math.h>
#include <string.h>

{KEEP_LOOP}

{definitions(sorted(code.operations))}

{functions}

static const unsigned char digest[32] = {{{digest}}};

int {p}_load({p}_model *model, const void *bytes, size_t size) {{
  const unsigned char *const file = bytes;
  const uint32_t version = {VERSION};
  if (size != {HEADER} + {up}_WEIGHTS * sizeof(float)) return 1;
  if (memcmp(file, "TIDEGATE", 8) != 0 || memcmp(file + 8, &version, 4) != 0) return 2;
  if (memcmp(file + 16, digest, sizeof digest) != 0) return 3;
  model->weights = (const float *)(file + {HEADER});
  return 0;
}}

{timed}"""


def _reset(code: ModelCode) -> list[str]:
    begun = [
        f"memcpy(state->{it.name}, model->weights + {code.initial_places[it.name]}, {it.size} * sizeof(float));"
        for it in code.states
        if it.name in code.initial_places
    ]
    return ["memset(state, 0, sizeof *state);", *begun]


def _step(code: ModelCode) -> str:
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    tokens = [f"const int *const {it.name} = &{_singular(it.name)};" for it in inputs if it.tokens is not None]
    lines = "\n".join(f"  {line}" for line in [*tokens, *step_lines(code)])
    reset = "\n".join(f"  {line}" for line in _reset(code))
    nth = [
        f"{it.name}[t]"
        if it.tokens is not None
        else f"{it.name} + (size_t)t * {it.size}"
        if it.size > 1
        else f"{it.name} + t"
        for it in inputs
    ]
    return f"""\
void {p}_reset(const {p}_model *model, {p}_state *state) {{
{"" if "model->" in reset else "  (void)model;" + chr(10)}{reset}
}}

void {p}_step(const {p}_model *model, {p}_state *state, {", ".join(map(one, inputs))}, float *y) {{
{lines}
}}

void {p}_block(const {p}_model *model, {p}_state *state, {", ".join(map(many, inputs))}, int n, float *y) {{
  for (int t = 0; t < n; ++t) {p}_step(model, state, {", ".join(nth)}, y + (size_t)t * {up}_OUTPUTS);
}}
"""


def _run(code: ModelCode) -> str:
    p = code.name
    lines, size = run_lines(code)
    members = [f"  float {it.name}[{it.room}];" for it in code.states]
    if code.counts_steps:
        members.append("  uint32_t steps;")
    states = "\n".join(members)
    body = "\n".join(f"  {line}" for line in [*_reset(code), *lines])
    parameters = ", ".join(many(it, "all_") for it in code.graph.inputs)
    return f"""\
/* What the layers remember from one step to the next. */
typedef struct {{
{states}
}} {p}_state;

size_t {p}_room(int steps) {{ return sizeof({p}_state) + (size_t)steps * {size} * sizeof(float); }}

void {p}_run(const {p}_model *model, {parameters}, int steps, void *memory, float *y) {{
  {p}_state *const state = memory;
  float *const room = (float *)(state + 1);
{body}
}}
"""


def _singular(name: str) -> str:
    return "token" if name == "tokens" else f"{name}_now"
