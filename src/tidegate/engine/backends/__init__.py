"""Ways to run a cell over time. Each is a `tidegate.engine.Backend`; they never import one another."""
