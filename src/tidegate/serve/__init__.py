"""The page that looks inside a run, and the report: a leaf, deleting it touches no other package but `cli`."""
