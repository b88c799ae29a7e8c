"""A module in eval mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module in eval mode, and back as it was at the end, whatever the end is."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
