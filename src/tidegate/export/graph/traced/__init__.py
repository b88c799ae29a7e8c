"""What `torch.export` makes of a module, read as a graph of parts."""
