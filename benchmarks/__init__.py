"""Tidegate and its peers side by side in one run; nothing is printed that has not agreed first."""
