"""How parameters change at a step: optimizers, learning rates and averages of parameters."""
