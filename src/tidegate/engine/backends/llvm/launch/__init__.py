"""From a call to a launch: sizes, packed weights, buffers, the two passes, gradients of weights."""
