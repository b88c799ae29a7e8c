#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "$p.h"

static ${p}_model model;
static ${p}_state state;
static float y[${P}_OUTPUTS];

$load

$print

/* Read the numbers of tokens, and write the output after each. */
int main(int argc, char **argv) {
  (void)argc;
  int token, read;
  load(argv[0]);
  ${p}_reset(&model, &state);
  while ((read = scanf("%d", &token)) == 1) {
    if (token < 0 || token >= $tokens) {
      fprintf(stderr, "%d is no token: there are 0 to %d.\n", token, $tokens - 1);
      return 2;
    }
    ${p}_step(&model, &state, token, y);
    print_output(y);
  }
  return read == 0 ? 2 : 0;
}
