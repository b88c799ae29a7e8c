"""What backends that compile kernels share: stages, argument names, tensors by name, the cache on disk."""
