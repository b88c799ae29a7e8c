"""``make bench``: our layers against torch.nn's on this machine, as ratios, in one run.

The two take turns, so that a machine whose speed drifts slows both; each figure is the median of the pairs' ratios.
"""

import itertools
import platform
import statistics
import time
from collections.abc import Callable

import torch

import tidegate

SIZES = [(1, 100, 128), (32, 100, 128), (32, 100, 512)]
KINDS = ("RNN", "GRU", "LSTM")
PAIRS = 5


def training_step(layer: torch.nn.Module, x: torch.Tensor) -> Callable[[], list[torch.Tensor]]:
    """Forward and backward with the input's gradient; returns output and gradients."""

    def step() -> list[torch.Tensor]:
        leaf = x.clone().requires_grad_()
        output, _ = layer(leaf)
        gradients = torch.autograd.grad(output.square().mean(), [leaf, *layer.parameters()])
        return [output.detach(), *gradients]

    return step


def inference(layer: torch.nn.Module, x: torch.Tensor) -> Callable[[], list[torch.Tensor]]:
    """Forward without a graph."""

    def step() -> list[torch.Tensor]:
        with torch.inference_mode():
            return [layer(x)[0]]

    return step


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print the table as Markdown."""
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("ratio = torch.nn's time / ours: above 1 we are faster\n")
    print("| layer | B, T, H = I | forward | forward + backward |\n|---|---|---|---|")
    for kind, (batch, steps, size) in itertools.product(KINDS, SIZES):
        theirs = getattr(torch.nn, kind)(size, size)
        ours = getattr(tidegate.nn, kind)(size, size)
        ours.load_state_dict(theirs.state_dict())
        x = torch.randn(steps, batch, size)
        ratios = []
        for make in (inference, training_step):
            mine, other = make(ours, x), make(theirs, x)
            for a, b in zip(mine(), other(), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
            other()
            ratios.append(statistics.median(seconds(other) / seconds(mine) for _ in range(PAIRS)))
        print(f"| {kind} | {batch}, {steps}, {size} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
