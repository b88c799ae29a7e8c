"""Emit the IR of each kernel. `kernel.py` has the loop over time."""
