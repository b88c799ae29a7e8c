"""What the engine and PyTorch see: entry, autograd, registered operators, reasons, descriptions."""
