"""Check that two contenders compute the same, before anything is timed."""

import time

import torch
from torch import Tensor

from benchmarks.contender import Contender
from tidegate.errors import ParityError

# Largest difference relative to the tensor's largest number. float32 has an epsilon of 1.2e-7; sums in another order
# differ by up to 4e-6 (outputs of an RNN of 1024 hidden units) and 7e-6 (torch.nn's gradient of a bias, a sum over
# 16 x 2000 steps). A wrong gate or step differs by 1e-2 and more.
LIMITS = {torch.float32: 2e-5, torch.bfloat16: 0.05}
RUNS = 2  # the second run of a kernel, graph or state is not the first


def check(name: str, theirs: Contender, ours: Contender) -> float:
    """Run both twice and compare all results.

    Returns:
        The seconds of the peer's first call, compilation included.

    Raises:
        ParityError: they differ; the message says where and by how much.
    """
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        solved = theirs.run()
        seconds.append(time.perf_counter() - start)
        faults = differences(theirs.results(solved), ours.results(ours.run()))
        if faults:
            listed = "\n  ".join(faults)
            raise ParityError(f"The parity is red, so nothing is timed: {name}\n  {listed}")
    return seconds[0]


def differences(theirs: dict[str, Tensor], ours: dict[str, Tensor]) -> list[str]:
    """List the differences, one line each."""
    if set(theirs) != set(ours):
        return [f"they give {sorted(theirs)}, we give {sorted(ours)}"]
    faults = []
    for name, mine in ours.items():
        other = theirs[name]
        if other.shape != mine.shape:
            faults.append(f"{name}: their shape is {tuple(other.shape)}, ours {tuple(mine.shape)}")
            continue
        limit = max(LIMITS[other.dtype], LIMITS[mine.dtype])
        largest = other.float().abs().max().clamp(min=torch.finfo(torch.float32).tiny)
        found = ((other.float() - mine.float()).abs().max() / largest).item()
        if not found <= limit:  # so that NaN is red
            faults.append(f"{name}: differs by {found:.2g} of its largest number, allowed {limit:.2g}")
    return faults
