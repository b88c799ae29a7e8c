"""From a call to running kernels: argument layouts, packed weights, buffers, threads, gradients of weights."""
