#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "$p.h"

enum { LONGEST = 65536 }; /* bytes of a line */

static ${p}_model model;

$load

$table

$read

$print

/* Read lines of text, and write the output for each$each. */
int main(int argc, char **argv) {
  (void)argc;
  static char line[LONGEST];
  static int given[LONGEST];
$memory
  load(argv[0]);
  while (fgets(line, sizeof line, stdin)) {
    const size_t size = strlen(line);
    int n = 0;
    if (size + 1 == sizeof line && line[size - 1] != '\n') {
      fprintf(stderr, "A line is longer than %d bytes.\n", LONGEST - 2);
      return 2;
    }
    line[strcspn(line, "\r\n")] = '\0';
    for (const char *text = line; *text;) {
      const int token = read_token(&text);
      if (token >= 0) given[n++] = token;
    }
    if (n == 0) continue;
$compute
  }
  return 0;
}
