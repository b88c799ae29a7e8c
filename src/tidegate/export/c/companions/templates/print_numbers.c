static void print_output(const float *output) {
  for (int k = 0; k < ${P}_OUTPUTS; ++k) printf("%.6g%c", (double)output[k], k + 1 < ${P}_OUTPUTS ? ' ' : '\n');
}
