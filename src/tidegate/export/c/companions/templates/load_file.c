/* Read the weights, which lie beside the program. */
static void load(const char *program) {
  const char *const slash = strrchr(program, '/');
  char path[4096];
  const int size_of_path = snprintf(path, sizeof path, "%.*s$p.bin", slash ? (int)(slash - program) + 1 : 0, program);
  FILE *const file = size_of_path > 0 && size_of_path < (int)sizeof path ? fopen(path, "rb") : NULL;
  static _Alignas(16) char bytes[64 + ${P}_WEIGHTS * sizeof(float) + 1]; /* one more, to see whether the file ends here */
  const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (!file || ferror(file)) {
    fprintf(stderr, "%s cannot be read.\n", path);
    exit(2);
  }
  fclose(file);
  if (${p}_load(&model, bytes, size) != 0) {
    fprintf(stderr, "%s does not hold the weights of this model.\n", path);
    exit(2);
  }
}
