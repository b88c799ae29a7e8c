#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "$p.h"

static ${p}_model model;

$load

$print

static void *memory(size_t size) {
  void *const found = malloc(size);
  if (!found) {
    fprintf(stderr, "There is no memory for a sequence of this length.\n");
    exit(2);
  }
  return found;
}

/* Read lines of $inputs numbers ($names) to the end, and write the output$each. */
int main(int argc, char **argv) {
  (void)argc;
  float *lines = NULL;
  size_t count = 0, room = 0;
  float value;
  int read;
  load(argv[0]);
  for (; (read = scanf("%f", &value)) == 1; ++count) {
    if (count == room) lines = realloc(lines, (room = 2 * room + 64) * sizeof(float));
    if (!lines) return 2;
    lines[count] = value;
  }
  if (read == 0 || count % $inputs != 0 || count == 0) {
    fprintf(stderr, "After %zu numbers there is none, but a line has $inputs, and there is at least one.\n", count);
    return 2;
  }
  const size_t n = count / $inputs;
$split  float *const y = memory($rows * ${P}_OUTPUTS * sizeof(float));
  void *const own = memory(${p}_room((int)n));
  ${p}_run(&model, $parts, (int)n, own, y);
  for (size_t k = 0; k < $rows; ++k) print_output(y + k * ${P}_OUTPUTS);
  return 0;
}
