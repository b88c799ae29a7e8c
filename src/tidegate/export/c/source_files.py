"""The code of a model in C: its functions for those who call it, around what `ModelCode` has written."""

from __future__ import annotations

import re
from collections.abc import Sequence

import tidegate
from tidegate.export.c.c_functions import definitions
from tidegate.export.c.companions.folder_files import described
from tidegate.export.c.companions.templates import c_string
from tidegate.export.c.interface.header_file import many, members, one, singular
from tidegate.export.c.interface.sampling_code import predicts_tokens, sample_definition
from tidegate.export.c.interface.saved_state import begin_lines, saving
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.product_loops import KEEP_LOOP
from tidegate.export.c.products_ahead import STEPS
from tidegate.export.c.time_loops import run_lines, step_lines
from tidegate.export.c.weights_file import FORMAT, HEADER, weights_digest
from tidegate.export.graph.model_digest import model_digest


def source(code: ModelCode, labels: Sequence[str] = (), *, embedded: bool = False) -> str:
    """Return the code.

    Args:
        code: the model.
        labels: names of its outputs.
        embedded: whether its weights are compiled in, and not read from a file.
    """
    p, samples = code.name, predicts_tokens(code.graph)
    parts = [
        f"/* {described(code)}, written by Tidegate {tidegate.__version__}. It belongs to you. */\n"
        f'#include "{p}.h"\n\n#include <math.h>\n#include <string.h>',
        KEEP_LOOP,
        definitions(sorted({*code.operations, *(["exp"] if samples else [])})),
        *code.functions,
        *([] if embedded else [_load(code)]),
    ]
    if code.graph.reads_backwards:
        parts.append(_run(code))
    else:
        parts += [_digest("model_digest", model_digest(code.graph)), _step(code), saving(code)]
    if samples:
        parts.append(sample_definition(p))
    if labels:
        names = ",\n".join(f"  {c_string(it.encode('utf-8', 'surrogatepass'))}" for it in labels)
        parts.append(f"const char *const {p}_labels[{len(labels)}] = {{\n{names}\n}};")
    parts.append(_sizes(code, embedded=embedded))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _digest(name: str, digest: bytes) -> str:
    numbers = [f"0x{b:02x}" for b in digest]
    return f"static const unsigned char {name}[32] = {{\n  {', '.join(numbers[:16])},\n  {', '.join(numbers[16:])}}};"


def _load(code: ModelCode) -> str:
    p, up = code.name, code.name.upper()
    return f"""\
{_digest("weights_digest", weights_digest(code))}

int {p}_load({p}_model *model, const void *bytes, size_t size) {{
  const unsigned char *const file = bytes;
  const uint32_t format = {FORMAT};
  if (size != {HEADER} + {up}_WEIGHTS * sizeof(float)) return 1;
  if (memcmp(file, "TIDEGATE", 8) != 0 || memcmp(file + 8, &format, 4) != 0) return 2;
  if (memcmp(file + 16, weights_digest, sizeof weights_digest) != 0) return 3;
  if ((uintptr_t)file % sizeof(float) != 0) return 4;
  model->weights = (const float *)(const void *)(file + {HEADER});
  return 0;
}}"""


def _step(code: ModelCode) -> str:
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    tokens = [f"const int *const {it.name} = &{singular(it.name)};" for it in inputs if it.tokens is not None]
    lines = "\n".join(f"  {line}" for line in [*tokens, *step_lines(code)])
    reset = "\n".join(f"  {line}" for line in begin_lines(code))
    nth = [
        f"{it.name}[t]"
        if it.tokens is not None
        else f"{it.name} + (size_t)t * {it.size}"
        if it.size > 1
        else f"{it.name} + t"
        for it in inputs
    ]
    unused = "\n".join(f"  (void){it};" for it in ("model", "state") if f"{it}->" not in lines)
    body = f"{unused + chr(10) if unused else ''}{lines}"
    begin = f"const {p}_model *model, {p}_state *state"
    functions = (
        _ahead(code, begin, body, nth)
        if code.ahead
        else f"""\
void {p}_step({begin}, {", ".join(map(one, inputs))}, float *y) {{
{body}
}}

void {p}_block({begin}, {", ".join(map(many, inputs))}, int n, float *y) {{
  for (int t = 0; t < n; ++t) {p}_step(model, state, {", ".join(nth)}, y + (size_t)t * {up}_OUTPUTS);
}}"""
    )
    return f"""\
void {p}_reset(const {p}_model *model, {p}_state *state) {{
{"" if "model->" in reset else "  (void)model;" + chr(10)}{reset}
}}

{functions}"""


def _ahead(code: ModelCode, begin: str, body: str, nth: Sequence[str]) -> str:
    """Write the functions of a step and a block that compute the sums of layers' inputs first, for `STEPS` at once."""
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    unused = "".join(f"  (void){it.name};\n" for it in inputs if not re.search(rf"\b{it.name}\b", body))
    sums = [f"{value.name}_sums" for value in code.ahead]
    step, steps, arrays = [], [], []
    for (value, (made, place)), name in zip(code.ahead.items(), sums, strict=True):
        x, size = value.of[0].name, value.of[0].size
        step.append(f"{p}_{value.name}_input({place}, {x}, {name});")
        given = f"{place}, {x} + (size_t)first * {size}, {name}"
        steps.append(f"if (count == {STEPS}) {p}_{value.name}_inputs({given});")
        steps.append(f"else {p}_{value.name}_input({given});")
        arrays.append(f"{name} + (t - first) * {made.size}")
    declared = [f"float {name}[{{}}{made.size}];" for name, (made, _) in zip(sums, code.ahead.values(), strict=True)]
    here = [singular(it.name) if it.tokens is not None else it.name for it in inputs]
    call = f"{p}_go_on({', '.join(['model', 'state', *here, *sums, 'y'])});"
    one_step = "\n".join(f"  {line}" for line in [*(it.format("") for it in declared), *step, call])
    whole = "\n".join(f"  {it.format(f'{STEPS} * ')}" for it in declared)
    pairs = "\n".join(f"    {line}" for line in steps)
    parameters = ", ".join([*map(one, inputs), *(f"const float *{name}" for name in sums)])
    return f"""\
/* A step, given the sums of its input. */
static void {p}_go_on({begin}, {parameters}, float *y) {{
{unused}{body}
}}

void {p}_step({begin}, {", ".join(map(one, inputs))}, float *y) {{
{one_step}
}}

void {p}_block({begin}, {", ".join(map(many, inputs))}, int n, float *y) {{
{whole}
  for (int first = 0, count; first < n; first += count) {{
    count = n - first < {STEPS} ? 1 : {STEPS};
{pairs}
    for (int t = first; t < first + count; ++t)
      {p}_go_on(model, state, {", ".join([*nth, *arrays])}, y + (size_t)t * {up}_OUTPUTS);
  }}
}}"""


def _run(code: ModelCode) -> str:
    p = code.name
    lines, size = run_lines(code)
    states = "\n".join(members(code))
    body = "\n".join(f"  {line}" for line in [*begin_lines(code), *lines])
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
}}"""


def _sizes(code: ModelCode, *, embedded: bool) -> str:
    p, up = code.name, code.name.upper()
    lines = [f"int {p}_inputs(void) {{ return {up}_INPUTS; }}", f"int {p}_outputs(void) {{ return {up}_OUTPUTS; }}"]
    if not embedded:
        lines.append(f"size_t {p}_weights_size(void) {{ return {HEADER} + {up}_WEIGHTS * sizeof(float); }}")
    if not code.graph.reads_backwards:
        lines.append(f"size_t {p}_state_size(void) {{ return sizeof({p}_state); }}")
        lines.append(f"size_t {p}_saved_size(void) {{ return {up}_SAVED; }}")
    return "\n".join(lines)
