static void write_token(int token) { fwrite(tokens[token].bytes, 1, tokens[token].size, stdout); }
