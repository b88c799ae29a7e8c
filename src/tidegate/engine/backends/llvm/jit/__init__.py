"""From IR to machine code that runs on threads."""
