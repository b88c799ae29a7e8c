static void load(void) { ${p}_embedded(&model); }
