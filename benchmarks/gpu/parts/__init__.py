"""The parts of the benchmark, one file each; a part is a function that measures within a session."""
