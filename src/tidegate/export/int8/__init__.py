"""Weights and vectors in 8 bits: the arithmetic that exports in int8 have, and its scales."""
