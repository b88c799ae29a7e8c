"""The files beside a model's code: an example, a Makefile and a README."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.export.c.model_code import ModelCode

MAKEFILE = """\
CC ?= cc
CFLAGS ?= -O3 -march=native

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
* `{p}.bin`: {weights:,} weights in float32, little-endian, in the order in which the code reads them. `{p}_load`
  refuses the weights of another model.
* `example.c`: {example}. `make && ./example`

A model is used like this:

    {p}_model model;            /* points to the weights, which many threads may share */
    {p}_state state;            /* what it remembers: one for each sequence */
    {p}_load(&model, bytes, size);
    {p}_reset(&state);
    {p}_step(&model, &state, {given}, y);

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
static {p}_state state;
static float y[{up}_OUTPUTS];

static void load(void) {{
  size_t size;
  const void *const bytes = read_file("{p}.bin", &size);
  if ({p}_load(&model, bytes, size) != 0) {{
    fprintf(stderr, "{p}.bin does not hold the weights of this model.\\n");
    exit(2);
  }}
  {p}_reset(&state);
}}
"""

OF_FRAMES = """\
{head}
/* Read lines of {inputs} numbers, and write the model's output for each. */
int main(void) {{
  float x[{inputs}];
  int n = 0;
  load();
  while (scanf("%f", &x[n]) == 1) {{
    if (++n < {inputs}) continue;
    n = 0;
    {p}_step(&model, &state, x, y);
    for (int k = 0; k < {up}_OUTPUTS; ++k) printf("%.6g%c", (double)y[k], k + 1 < {up}_OUTPUTS ? ' ' : '\\n');
  }}
  return 0;
}}
"""

OF_TOKENS = """\
{head}
/* Read the numbers of tokens, and write the number of the likeliest next one after each. */
int main(void) {{
  int token;
  load();
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


def example(code: ModelCode, characters: Sequence[str] | None) -> tuple[str, str]:
    """Return the example, and what it does.

    Args:
        code: the model.
        characters: the text of each token, if every token is one character.
    """
    p, up = code.name, code.name.upper()
    head = READ_WEIGHTS.format(p=p, up=up)
    if code.tokens is None:
        return OF_FRAMES.format(
            head=head, p=p, up=up, inputs=code.inputs
        ), "reads frames of numbers and writes the outputs"
    if characters is None:
        text = OF_TOKENS.format(head=head, p=p, up=up, tokens=code.tokens)
        return text, "reads numbers of tokens and writes the likeliest next ones"
    strings = ",\n".join(f"  {_c_string(c)}" for c in characters)
    text = OF_TEXT.format(head=head, p=p, up=up, tokens=code.tokens, strings=strings)
    return text, "goes on with a text, `./example 'def '`, always with the likeliest character"


def _c_string(text: str) -> str:
    """Return a C string in UTF-8. Bytes that are no plain ASCII are octal numbers, which end after three digits."""
    plain = {chr(c) for c in range(32, 127)} - set('"\\?')
    return '"' + "".join(c if c in plain else "".join(f"\\{b:03o}" for b in c.encode()) for c in text) + '"'
