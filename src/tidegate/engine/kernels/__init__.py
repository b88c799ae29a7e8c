"""What backends share: stages, argument names, tensors by name, the cache on disk, the scan over time."""
