"""What the repository needs besides the library itself; nothing here is installed."""
