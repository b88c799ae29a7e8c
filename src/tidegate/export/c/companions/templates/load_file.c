/* Read the weights. */
static void load(void) {
  FILE *const file = fopen("$p.bin", "rb");
  static _Alignas(16) char bytes[64 + ${P}_WEIGHTS * sizeof(float) + 1]; /* one more, to see whether the file ends here */
  const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
  if (!file || ferror(file)) {
    fprintf(stderr, "$p.bin cannot be read: run this where it is.\n");
    exit(2);
  }
  fclose(file);
  if (${p}_load(&model, bytes, size) != 0) {
    fprintf(stderr, "$p.bin does not hold the weights of this model.\n");
    exit(2);
  }
}
