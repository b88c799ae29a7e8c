"""Series in tables: the times of their rows, what is wrong with these, and how cells are written."""
