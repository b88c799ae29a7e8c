"""The language of equations: expressions and operations, and what is derived from a traced cell."""
