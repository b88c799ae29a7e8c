"""From IR to machine code, through the cache on disk."""
