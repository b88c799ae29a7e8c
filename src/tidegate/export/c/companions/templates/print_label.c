/* Write the label of the largest output, and its probability. */
static void print_output(const float *output) {
  int best = 0;
  float sum = 0.0f;
  for (int k = 1; k < ${P}_OUTPUTS; ++k) best = output[k] > output[best] ? k : best;
  for (int k = 0; k < ${P}_OUTPUTS; ++k) sum += expf(output[k] - output[best]);
  printf("%s\t%.3f\n", ${p}_labels[best], (double)(1.0f / sum));
}
