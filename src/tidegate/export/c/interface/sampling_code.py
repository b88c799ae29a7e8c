"""Sampling of the next token in C, as `tidegate.text.sampling` does it in Python."""

from __future__ import annotations

from tidegate.export.graph.graph import Graph


def sample_declaration(p: str) -> str:
    """Return the declaration of the function that chooses a token, for a model with the prefix p."""
    return f"""\
/* Choose the next token from the outputs y, in which it leaves numbers from 0 to 1 in the ratios of the probabilities.
   temperature divides y; 0 takes the largest, of equal ones the first. Then the top_k likeliest tokens are kept (0:
   all), of these the smallest set of likeliest ones whose probability reaches top_p (1: all), and of these the tokens
   at least min_p times as likely as the likeliest (0: all). seed is any number; it is changed, and decides what is
   drawn. Returns the token; -1 if an output is not a number, or an option is outside its range. */
int {p}_sample(float *y, float temperature, int top_k, float top_p, float min_p, uint64_t *seed);
"""


def sample_definition(p: str) -> str:
    """Return its definition."""
    return DEFINITION.replace("NAME", p.upper()).replace("name_", f"{p}_")


def predicts_tokens(graph: Graph) -> bool:
    """Return whether a model reads tokens and has an output for each of them at every step."""
    return (
        not graph.reads_backwards
        and not graph.output.whole
        and len(graph.inputs) == 1
        and graph.inputs[0].tokens == graph.output.size
    )


DEFINITION = """\
/* A number from 0 to 1, without 1: SplitMix64 (Steele, Lea & Flood 2014), the upper 53 bits. */
static double uniform(uint64_t *seed) {
  uint64_t z = *seed += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* The largest number for which ``many`` of p are at least as large, and have a sum of ``share`` or more. It is found
   bit by bit: the bits of positive numbers are ordered as the numbers are. */
static float threshold(const float *p, int many, double share) {
  uint32_t found = 0;
  for (int bit = 30; bit >= 0; --bit) {
    const uint32_t bits = found | (uint32_t)1 << bit;
    float least;
    double sum = 0;
    int count = 0;
    memcpy(&least, &bits, sizeof least);
    for (int n = 0; n < NAME_OUTPUTS; ++n)
      if (p[n] >= least) {
        ++count;
        sum += (double)p[n];
      }
    if (count > 0 && count >= many && sum >= share) found = bits;
  }
  float least;
  memcpy(&least, &found, sizeof least);
  return least;
}

int name_sample(float *y, float temperature, int top_k, float top_p, float min_p, uint64_t *seed) {
  int best = 0;
  double sum = 0, taken = 0;
  if (!(temperature >= 0.0f && temperature < INFINITY) || top_k < 0) return -1;
  if (!(top_p > 0.0f && top_p <= 1.0f && min_p >= 0.0f && min_p <= 1.0f)) return -1;
  for (int n = 0; n < NAME_OUTPUTS; ++n) {
    if (!(y[n] < INFINITY)) return -1;
    if (y[n] > y[best]) best = n;
  }
  if (!(y[best] > -INFINITY)) return -1;
  const float largest = y[best];
  const double drawn = uniform(seed);
  if (temperature == 0.0f) return best;
  for (int n = 0; n < NAME_OUTPUTS; ++n) { /* e^(y / temperature), of the largest y 1 */
    const float below = (y[n] - largest) / temperature;
    y[n] = below < -87.0f ? 0.0f : exp_(below);
  }
  if (top_k > 0 && top_k < NAME_OUTPUTS) { /* with all that are equal to the last */
    const float least = threshold(y, top_k, 0.0);
    for (int n = 0; n < NAME_OUTPUTS; ++n) y[n] = y[n] < least ? 0.0f : y[n];
  }
  if (top_p < 1.0f) {
    for (int n = 0; n < NAME_OUTPUTS; ++n) sum += (double)y[n];
    const double share = (double)top_p * sum;
    const float least = threshold(y, 0, share);
    for (int n = 0; n < NAME_OUTPUTS; ++n) taken += y[n] > least ? (double)y[n] : 0.0;
    for (int n = 0; n < NAME_OUTPUTS; ++n) { /* of equal ones the first */
      if (y[n] == least && taken < share) taken += (double)y[n];
      else if (y[n] <= least) y[n] = 0.0f;
    }
  }
  for (int n = 0; n < NAME_OUTPUTS; ++n) y[n] = y[n] < min_p ? 0.0f : y[n];
  sum = taken = 0;
  for (int n = 0; n < NAME_OUTPUTS; ++n) sum += (double)y[n];
  for (int n = 0; n < NAME_OUTPUTS; ++n) { /* the first token at which the sum passes the number drawn */
    taken += (double)y[n];
    if (y[n] > 0.0f && taken > drawn * sum) return n;
  }
  return best;
}
"""
