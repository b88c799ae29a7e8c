"""A label for each word, character or frame (many to many, in step)."""
