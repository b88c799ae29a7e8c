"""What the engine and PyTorch call: entry, autograd, registered operators, reasons, descriptions."""
