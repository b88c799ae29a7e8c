"""Ways to run a cell over time; they never import one another."""
