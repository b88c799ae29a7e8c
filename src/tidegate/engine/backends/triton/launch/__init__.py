"""Set a kernel's arguments and run it."""
