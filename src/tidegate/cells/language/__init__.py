"""The language that equations are written in: expressions, operations, and all that is read off a traced cell."""
