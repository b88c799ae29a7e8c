"""Series from files: tables and arrays, the times of their rows, and what is wrong with these."""
