#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "$p.h"

static ${p}_model model;
static ${p}_state state;
static float y[${P}_OUTPUTS];

$load

$table

$read

$write

static const char usage[] =
    "usage: %s [OPTIONS] [$text]\n"
    "  --length N       tokens to write (300)\n"
    "  --temperature X  below 1 safer, above 1 more random; 0, the default: always the likeliest\n"
    "  --top-k N, --top-p X, --min-p X   which tokens are drawn from, with --temperature\n"
    "  --seed N         the same seed gives the same text (0)\n";

/* Return the number after an option; exits unless it is from least to most. */
static double number_after(const char *option, const char *text, double least, double most) {
  char *end = NULL;
  const double found = text ? strtod(text, &end) : 0.0;
  if (!text || end == text || *end || !(found >= least && found <= most)) {
    fprintf(stderr, "%s takes a number from %g to %g.\n", option, least, most);
    exit(2);
  }
  return found;
}

int main(int argc, char **argv) {
  const char *text = "";
  double length = 300, temperature = 0, top_k = 0, top_p = 1, min_p = 0, seed = 0;
  for (int n = 1; n < argc; ++n) {
    const char *const option = argv[n], *const value = n + 1 < argc ? argv[n + 1] : NULL;
    ++n;
    if (strcmp(option, "--length") == 0) length = number_after(option, value, 0, 1e9);
    else if (strcmp(option, "--temperature") == 0) temperature = number_after(option, value, 0, 1e9);
    else if (strcmp(option, "--top-k") == 0) top_k = number_after(option, value, 1, 1e9);
    else if (strcmp(option, "--top-p") == 0) top_p = number_after(option, value, 1e-9, 1);
    else if (strcmp(option, "--min-p") == 0) min_p = number_after(option, value, 0, 1);
    else if (strcmp(option, "--seed") == 0) seed = number_after(option, value, 0, 9007199254740991.0);
    else if (*text || (option[0] == '-' && option[1] == '-')) {
      fprintf(stderr, usage, argv[0]);
      return 2;
    } else {
      text = option;
      --n;
    }
  }
  if (temperature == 0 && (top_k > 0 || top_p < 1 || min_p > 0)) {
    fprintf(stderr, "The likeliest token is always among those: give --temperature, too.\n");
    return 2;
  }
  uint64_t random = (uint64_t)seed;
  int begun = 0;
  load(argv[0]);
  ${p}_reset(&model, &state);
$echo
  while (*text) {
    const int token = read_token(&text);
    if (token < 0) continue;
$show    ${p}_step(&model, &state, token, y);
    begun = 1;
  }
  if (!begun) ${p}_step(&model, &state, $start, y);
  for (int n = 0; n < (int)length; ++n) {
    const int token = ${p}_sample(y, (float)temperature, (int)top_k, (float)top_p, (float)min_p, &random);
    if (token < 0) {
      fprintf(stderr, "An output is not a number.\n");
      return 2;
    }
    write_token(token);
    ${p}_step(&model, &state, token, y);
  }
  printf("\n");
  return 0;
}
