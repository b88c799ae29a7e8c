"""The kernels as `torch.library` operators, for programs that are traced."""
