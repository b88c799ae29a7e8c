"""Hold hidden units while a model runs, and measure what that changes."""
