"""Stateless randomness: torch's generators are seeded anew for every step.

Dropout masks and draws are thus a function of the run's seed, the process and the step. A resumed run has no generator
state to restore, and nothing between two steps (a sample, a validation, a user's callback) affects the next.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_torch(device: torch.device, *parts: int | str) -> None:
    """Seed torch's generators, those of the CPU and of ``device``, with a hash of the parts."""
    seed = int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little")
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)  # a tenth of the time of looking for devices first
    else:
        torch.manual_seed(seed)


@contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """Restore the caller's random state afterwards."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        yield
