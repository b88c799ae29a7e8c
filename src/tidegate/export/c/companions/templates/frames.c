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

/* Read lines of $inputs numbers ($names), and write the output after each. */
int main(int argc, char **argv) {
  (void)argc;
  float x[$inputs];
  int n = 0, read;
  load(argv[0]);
  ${p}_reset(&model, &state);
  while ((read = scanf("%f", &x[n])) == 1) {
    if (++n < $inputs) continue;
    n = 0;
    ${p}_step(&model, &state, $parts, y);
    print_output(y);
  }
  if (read == 0 || n > 0) {
    fprintf(stderr, "After %d numbers of a line there is no number, but a line has $inputs.\n", n);
    return 2;
  }
  return 0;
}
