"""Runs as they lie on the disk: lists of them, and their metrics as tables, without torch."""
