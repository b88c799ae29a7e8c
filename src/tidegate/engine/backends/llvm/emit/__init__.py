"""Writes the IR of each kernel. `kernel.py` is the loop over time."""
