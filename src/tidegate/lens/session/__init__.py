"""A session of looking at runs: their models, texts or examples, and a cache of results."""
