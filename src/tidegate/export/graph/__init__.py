"""A model as a graph of parts, which is what it is written out from: the parts, and how modules are read."""
