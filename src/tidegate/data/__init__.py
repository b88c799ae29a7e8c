"""What independent examples need: rows of files, encoded columns, batches of like length, vocabularies, samples."""
