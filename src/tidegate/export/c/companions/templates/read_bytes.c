/* Return the first byte of a text, which is moved on. */
static int read_token(const char **text) { return (unsigned char)*(*text)++; }
