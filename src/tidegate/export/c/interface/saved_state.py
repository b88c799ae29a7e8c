"""States of a model in C: how they begin, and how they are written as bytes and read again."""

from __future__ import annotations

from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.weights_file import FORMAT

MAGIC, HEAD = b"TIDESTAT", 48

BYTES = """\
/* A number as four bytes, the lowest first, on every machine. */
static unsigned char *put_word(unsigned char *to, uint32_t word) {
  for (int k = 0; k < 4; ++k) *to++ = (unsigned char)(word >> (8 * k));
  return to;
}

static const unsigned char *get_word(const unsigned char *from, uint32_t *word) {
  *word = 0;
  for (int k = 0; k < 4; ++k) *word |= (uint32_t)*from++ << (8 * k);
  return from;
}"""

NUMBERS = """\

static unsigned char *put_numbers(unsigned char *to, const float *numbers, size_t count) {
  for (size_t n = 0; n < count; ++n) {
    uint32_t word;
    memcpy(&word, numbers + n, sizeof word);
    to = put_word(to, word);
  }
  return to;
}

static const unsigned char *get_numbers(const unsigned char *from, float *numbers, size_t count) {
  for (size_t n = 0; n < count; ++n) {
    uint32_t word;
    from = get_word(from, &word);
    memcpy(numbers + n, &word, sizeof word);
  }
  return from;
}"""


def saved_bytes(code: ModelCode) -> int:
    """Return the bytes of a saved state: magic, format, count, digest of the model, and the numbers."""
    return HEAD + 4 * _words(code)


def _words(code: ModelCode) -> int:
    return sum(it.size for it in code.states) + code.counts_steps


def begin_lines(code: ModelCode) -> list[str]:
    """Return the statements that begin a sequence."""
    begun = [
        f"memcpy(state->{it.name}, model->weights + {code.initial_places[it.name]}, {it.size} * sizeof(float));"
        for it in code.states
        if it.name in code.initial_places
    ]
    return ["memset(state, 0, sizeof *state);", *begun]


def saving(code: ModelCode) -> str:
    """Return the functions that write a state as bytes and read it again."""
    p, up = code.name, code.name.upper()
    put = [f"  to = put_numbers(to, state->{it.name}, {it.size});" for it in code.states]
    get = [f"  from = get_numbers(from, state->{it.name}, {it.size});" for it in code.states]
    if code.counts_steps:
        put.append("  to = put_word(to, state->steps);")
        get.append("  from = get_word(from, &state->steps);")
    put = put or ["  (void)state;"]
    lines = "\n".join
    return f"""\
{BYTES}
{NUMBERS if code.states else ""}

static const char saved[8] = {{{", ".join(f"'{c}'" for c in MAGIC.decode())}}};

void {p}_save_state(const {p}_state *state, void *bytes) {{
  unsigned char *to = bytes;
  memcpy(to, saved, sizeof saved);
  to = put_word(to + sizeof saved, {FORMAT});
  to = put_word(to, {_words(code)});
  memcpy(to, model_digest, sizeof model_digest);
  to += sizeof model_digest;
{lines(put)}
  (void)to;
}}

int {p}_load_state({p}_state *state, const void *bytes, size_t size) {{
  const unsigned char *from = bytes;
  uint32_t format, count;
  if (size != {up}_SAVED) return 1;
  if (memcmp(from, saved, sizeof saved) != 0) return 2;
  from = get_word(from + sizeof saved, &format);
  from = get_word(from, &count);
  if (format != {FORMAT} || count != {_words(code)}) return 2;
  if (memcmp(from, model_digest, sizeof model_digest) != 0) return 3;
  from += sizeof model_digest;
  memset(state, 0, sizeof *state);
{lines(get)}
  (void)from;
  return 0;
}}
"""
