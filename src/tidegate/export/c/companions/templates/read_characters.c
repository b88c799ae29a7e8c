static int is_token(int k, const char *text, size_t size) {
  return tokens[k].size == size && memcmp(tokens[k].bytes, text, size) == 0;
}

/* Return the token of the first character of a text, which is moved on. */
static int read_token(const char **text) {
  size_t size = 1;
  while (((*text)[size] & 0xc0) == 0x80) ++size;
  const char *const from = *text;
  *text += size;
  for (int k = 0; k < $tokens; ++k)
    if (is_token(k, from, size)) return k;
  fprintf(stderr, "The model does not know %.*s: $then.\n", (int)size, from);
  $unknown;
}
