"""Emit the source of each kernel."""
