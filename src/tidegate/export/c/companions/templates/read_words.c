static int is_token(int k, const char *text, size_t size) {
  return tokens[k].size == size && memcmp(tokens[k].bytes, text, size) == 0;
}

/* Return the next word of a text, which is moved on; -1 at its end. */
static int read_token(const char **text) {
  *text += strspn(*text, "$blanks");
  if (!**text) return -1;
  const char *const from = *text;
  const size_t size = $newline strcspn(from, " \t\n\v\f\r");
  *text += size;
  for (int k = 0; k < $tokens; ++k)
    if (is_token(k, from, size)) return k;
  fprintf(stderr, "The model does not know %.*s: $then.\n", (int)size, from);
  $unknown;
}
