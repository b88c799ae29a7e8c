"""The files beside a model's code: an example, a Makefile and a README."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.export.c.model_code import ModelCode

MAKEFILE = """\
CC ?= cc
CFLAGS ?= -O3 -march=native -ffp-contract=fast

example: example.c {p}.c {p}.h
	$(CC) -std=c11 $(CFLAGS) -o $@ example.c {p}.c -lm

clean:
	rm -f example
"""

README = """\
# {p}

{what}, written by Tidegate {version}.

* `{p}.h`, `{p}.c`: the code. C11 with the standard library's `<math.h>` and `<string.h>`: no allocation, no threads,
  no global state. The equations of each layer stand above the loops that compute them.
* `{p}.bin`: {weights}, little-endian, in the order in which the code
  reads them. `{p}_load` refuses the weights of another model.
* `example.c`: {example}. `make && ./example`

A model is used like this:

{use}

Functions of one number are accurate to a few units in the last place of float32 (see their comments); results differ
from PyTorch's by rounding.
"""

READ_WEIGHTS = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "{p}.h"

/* Read the whole file; exits if that fails. */
static void *read_file(const char *path, size_t *size) {{
  FILE *const file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) {{
    fprintf(stderr, "%s cannot be read.\\n", path);
    exit(2);
  }}
  *size = (size_t)ftell(file);
  rewind(file);
  void *const bytes = malloc(*size);
  if (!bytes || fread(bytes, 1, *size, file) != *size) {{
    fprintf(stderr, "%s cannot be read.\\n", path);
    exit(2);
  }}
  fclose(file);
  return bytes;
}}

static {p}_model model;

static void load(void) {{
  size_t size;
  const void *const bytes = read_file("{p}.bin", &size);
  if ({p}_load(&model, bytes, size) != 0) {{
    fprintf(stderr, "{p}.bin does not hold the weights of this model.\\n");
    exit(2);
  }}
}}
"""

USE_OF_STEPS = """\
    {p}_model model;            /* points to the weights, which many threads may share */
    {p}_state state;            /* what it remembers: one for each sequence */
    {p}_load(&model, bytes, size);
    {p}_reset(&model, &state);
    {p}_step(&model, &state, {one}, y);"""

USE_OF_RUNS = """\
    {p}_model model;            /* points to the weights, which many threads may share */
    {p}_load(&model, bytes, size);
    {p}_run(&model, {all}, n, room, y);   /* room: memory for {p}_room(n) bytes */"""

STATE = """\
static {p}_state state;
static float y[{up}_OUTPUTS];
"""

OF_FRAMES = """\
{head}
/* Read lines of {inputs} numbers, and write the model's output for each. */
int main(void) {{
  float x[{inputs}];
  int n = 0;
  load();
  {p}_reset(&model, &state);
  while (scanf("%f", &x[n]) == 1) {{
    if (++n < {inputs}) continue;
    n = 0;
    {p}_step(&model, &state, {parts}, y);
    for (int k = 0; k < {up}_OUTPUTS; ++k) printf("%.6g%c", (double)y[k], k + 1 < {up}_OUTPUTS ? ' ' : '\\n');
  }}
  return 0;
}}
"""

OF_SEQUENCES = """\
{head}
/* Read lines of {inputs} numbers to the end, and write the model's output{each}. */
int main(void) {{
  float *lines = NULL;
  size_t count = 0, room = 0;
  load();
  for (float value; scanf("%f", &value) == 1; ++count) {{
    if (count == room && !(lines = realloc(lines, (room = 2 * room + 64) * sizeof(float)))) return 2;
    lines[count] = value;
  }}
  const int n = (int)(count / {inputs});
  if (n == 0) return 0;
{split}  float *const y = malloc({rows} * {up}_OUTPUTS * sizeof(float));
  void *const memory = malloc({p}_room(n));
  if (!y || !memory) return 2;
  {p}_run(&model, {parts}, n, memory, y);
  for (size_t k = 0; k < {rows} * {up}_OUTPUTS; ++k)
    printf("%.6g%c", (double)y[k], (k + 1) % {up}_OUTPUTS ? ' ' : '\\n');
{release}  return 0;
}}
"""

OF_TOKENS = """\
{head}
/* Read the numbers of tokens, and write the number of the largest output after each. */
int main(void) {{
  int token;
  load();
  {p}_reset(&model, &state);
  while (scanf("%d", &token) == 1) {{
    if (token < 0 || token >= {tokens}) {{
      fprintf(stderr, "%d is no token: there are 0 to %d.\\n", token, {tokens} - 1);
      return 2;
    }}
    {p}_step(&model, &state, token, y);
    int best = 0;
    for (int k = 1; k < {up}_OUTPUTS; ++k) best = y[k] > y[best] ? k : best;
    printf("%d\\n", best);
  }}
  return 0;
}}
"""

OF_TEXT = """\
{head}
/* The tokens, in UTF-8. */
static const char *const tokens[{tokens}] = {{
{strings}
}};

/* Go on with a text: ./example TEXT [LENGTH], always with the likeliest token. */
int main(int argc, char **argv) {{
  const char *text = argc > 1 ? argv[1] : "";
  const int length = argc > 2 ? atoi(argv[2]) : 300;
  load();
  {p}_reset(&model, &state);
  if (!*text) {{
    fprintf(stderr, "usage: %s TEXT [LENGTH]\\n", argv[0]);
    return 2;
  }}
  printf("%s", text);
  while (*text) {{
    int token = 0;
    while (token < {tokens} && (!*tokens[token] || strncmp(text, tokens[token], strlen(tokens[token])) != 0)) ++token;
    if (token == {tokens}) {{
      fprintf(stderr, "The model does not know the character at %s\\n", text);
      return 2;
    }}
    text += strlen(tokens[token]);
    {p}_step(&model, &state, token, y);
  }}
  for (int n = 0; n < length; ++n) {{
    int best = 0;
    for (int k = 1; k < {up}_OUTPUTS; ++k) best = y[k] > y[best] ? k : best;
    printf("%s", tokens[best]);
    {p}_step(&model, &state, best, y);
  }}
  printf("\\n");
  return 0;
}}
"""


def use(code: ModelCode) -> str:
    """Return the lines that show how the model is used."""
    p, inputs = code.name, code.graph.inputs
    if code.graph.reads_backwards:
        return USE_OF_RUNS.format(p=p, all=", ".join(it.name for it in inputs))
    return USE_OF_STEPS.format(p=p, one=", ".join("token" if it.tokens is not None else it.name for it in inputs))


def example(code: ModelCode, characters: Sequence[str] | None) -> tuple[str, str]:
    """Return the example, and what it does.

    Args:
        code: the model.
        characters: the text of each token, if every token is one character.
    """
    p, up, graph = code.name, code.name.upper(), code.graph
    head = READ_WEIGHTS.format(p=p, up=up)
    tokens = graph.inputs[0].tokens
    if graph.reads_backwards:
        return _of_sequences(code, head), "reads a sequence of numbers, a line for each step, and writes the outputs"
    head += STATE.format(p=p, up=up)
    if tokens is None or len(graph.inputs) > 1:
        at, parts = 0, []
        for it in graph.inputs:
            parts.append(f"(int)x[{at}]" if it.tokens is not None else f"x + {at}")
            at += it.size
        text = OF_FRAMES.format(head=head, p=p, up=up, inputs=at, parts=", ".join(parts))
        return text, "reads frames of numbers and writes the outputs"
    if characters is None or len(characters) != graph.output.size:
        text = OF_TOKENS.format(head=head, p=p, up=up, tokens=tokens)
        return text, "reads numbers of tokens and writes the number of the largest output after each"
    strings = ",\n".join(f"  {_c_string(c)}" for c in characters)
    text = OF_TEXT.format(head=head, p=p, up=up, tokens=tokens, strings=strings)
    return text, "goes on with a text, `./example 'def '`, always with the likeliest character"


def _of_sequences(code: ModelCode, head: str) -> str:
    graph, width, split, parts = code.graph, sum(it.size for it in code.graph.inputs), [], []
    at = 0
    for it in graph.inputs:
        kind, number = ("int", "(int)") if it.tokens is not None else ("float", "")
        split += [
            f"  {kind} *const {it.name} = malloc((size_t)n * {it.size} * sizeof({kind}));",
            f"  if (!{it.name}) return 2;",
            "  for (int t = 0; t < n; ++t)",
            f"    for (int k = 0; k < {it.size}; ++k)",
            f"      {it.name}[t * {it.size} + k] = {number}lines[t * {width} + {at} + k];",
        ]
        parts.append(it.name)
        at += it.size
    return OF_SEQUENCES.format(
        head=head, p=code.name, up=code.name.upper(), inputs=width, split="".join(f"{it}\n" for it in split),
        release="".join(f"  free({it});\n" for it in ("memory", "y", *parts, "lines")),
        parts=", ".join(parts), rows="(size_t)1" if graph.output.whole else "(size_t)n",
        each="" if graph.output.whole else " for each",
    )  # fmt: skip


def _c_string(text: str) -> str:
    """Return a C string in UTF-8. Bytes that are no plain ASCII are octal numbers, which end after three digits."""
    plain = {chr(c) for c in range(32, 127)} - set('"\\?')
    return '"' + "".join(c if c in plain else "".join(f"\\{b:03o}" for b in c.encode()) for c in text) + '"'
