"""A model's C code compiled, run and compared with Python."""
