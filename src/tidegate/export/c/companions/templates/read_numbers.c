/* Return the token whose number is at the beginning of a text, which is moved on; -1 at its end. */
static int read_token(const char **text) {
  char *end;
  const long found = strtol(*text, &end, 10);
  const int nothing = end == *text;
  if (nothing && (*text)[strspn(*text, " ")] == '\0') {
    *text += strlen(*text);
    return -1;
  }
  if (nothing || found < 0 || found >= $tokens) {
    fprintf(stderr, "%s: the prompt is given as numbers of tokens, 0 to %d, with blanks between them.\n", *text, $tokens - 1);
    exit(2);
  }
  *text = end;
  return (int)found;
}
