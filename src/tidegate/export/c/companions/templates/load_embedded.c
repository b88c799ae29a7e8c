static void load(const char *program) {
  (void)program;
  ${p}_embedded(&model);
}
