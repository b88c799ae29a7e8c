"""Models of papers as they are and with `tidegate.swap`: the time of a call, in evaluation and in training.

Run it with ``python -m benchmarks.swapped_models``; one thread, processor time, medians of interleaved turns.
"""

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import tidegate
from benchmarks.machine import processor
from benchmarks.published_models import MODELS

TURNS, ENOUGH = 7, 0.03  # turns, and seconds of one
BATCHES = (1, 8)


def ratio(theirs: Callable[[], Any], ours: Callable[[], Any]) -> float:
    """Return their processor time over ours."""
    calls = max(1, round(ENOUGH / timed(theirs, 1)))
    timed(ours, 1)
    return statistics.median(timed(theirs, calls) / timed(ours, calls) for _ in range(TURNS))


def timed(run: Callable[[], Any], calls: int) -> float:
    """Return the processor time of calls."""
    start = time.process_time()
    for _ in range(calls):
        run()
    return time.process_time() - start


def evaluation(model: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[], Any]:
    """Return a call without gradients."""
    return lambda: torch.no_grad()(model)(*inputs)


def training(model: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[], Any]:
    """Return a forward and a backward run."""

    def run() -> None:
        found = [it for it in tree_leaves(model(*inputs)) if it.requires_grad]
        torch.autograd.backward([it.sum() for it in found])

    return run


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(processor(), "\n")
    print(
        "| model | layers | "
        + " | ".join(f"{how}, B={b}" for b in BATCHES for how in ("evaluation", "training"))
        + " |"
    )
    print("|---|---|" + "---|" * 2 * len(BATCHES))
    for name, (make, inputs) in MODELS.items():
        torch.manual_seed(0)
        theirs = make()
        ours = copy.deepcopy(theirs)
        layers = tidegate.swap(ours, inputs(2)).layers
        row = []
        for batch in BATCHES:
            given = inputs(batch)
            for mode, way in ((False, evaluation), (True, training)):
                row.append(ratio(way(theirs.train(mode), given), way(ours.train(mode), given)))
        kinds = ", ".join(dict.fromkeys(layer.kind for layer in layers))
        print(f"| {name} | {kinds} | " + " | ".join(f"{it:.2f}" for it in row) + " |", flush=True)


if __name__ == "__main__":
    main()
