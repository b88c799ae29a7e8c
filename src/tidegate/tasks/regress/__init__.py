"""A value at every step of a series."""
