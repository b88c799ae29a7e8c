"""A class for each text or series of frames (many to one)."""
