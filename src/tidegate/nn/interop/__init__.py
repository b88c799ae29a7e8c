"""How layers meet the rest of PyTorch: tracing, scripting, pickling, hooks, torch.nn's own classes."""
