"""What a stepper is made of: its step as CUDA graphs, and whether the weights have changed."""
