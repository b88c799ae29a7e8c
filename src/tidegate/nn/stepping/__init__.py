"""One step at a time: the stepper, its step as CUDA graphs, and whether the weights have changed."""
