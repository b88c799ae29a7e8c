static int apart; /* whether there is a blank before the next word */

static void write_token(int token) {
  const int newline = tokens[token].bytes[0] == '\n';
  if (apart && !newline) putchar(' ');
  fwrite(tokens[token].bytes, 1, tokens[token].size, stdout);
  apart = !newline;
}
