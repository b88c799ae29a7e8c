/* The tokens, in UTF-8. */
static const struct {
  size_t size;
  const char *bytes;
} tokens[$tokens] = {
$strings
};
