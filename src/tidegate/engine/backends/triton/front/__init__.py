"""What the engine calls."""
