"""Recordings: every gate and state of a run, and of a text that is read or written."""
