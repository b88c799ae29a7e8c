/* Write the number of the largest output. */
static void print_output(const float *output) {
  int best = 0;
  for (int k = 1; k < ${P}_OUTPUTS; ++k) best = output[k] > output[best] ? k : best;
  printf("%d\n", best);
}
