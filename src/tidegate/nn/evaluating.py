"""Put a module in eval mode temporarily."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module in eval mode and restore its mode at the end, also after an exception."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
