"""Calls of one step and of a few: a call's fixed cost, which decoders with attention and rollouts pay at every step.

Run it with ``python -m benchmarks.short_calls``; one thread, processor time, medians of interleaved turns.
"""

import statistics
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

import tidegate

TURNS, CALLS = 7, 60
LAYERS = ((1, 1, 64), (1, 32, 256), (5, 8, 64), (10, 16, 64))  # steps, batch, hidden units
CELLS = ((1, 64), (32, 256))  # batch, hidden units


def ratio(ours: Callable[[], Any], theirs: Callable[[], Any]) -> float:
    """Return our processor time over theirs."""
    found = []
    for _ in range(TURNS):
        times = []
        for run in (ours, theirs):
            start = time.process_time()
            for _ in range(CALLS):
                run()
            times.append(time.process_time() - start)
        found.append(times[0] / times[1])
    return statistics.median(found)


def training(module: nn.Module, x: Tensor) -> Callable[[], None]:
    """Return a forward and a backward run of a module."""

    def run() -> None:
        output = module(x)
        (output[0] if isinstance(output, tuple) else output).sum().backward()

    return run


def compared(name: str, x: Tensor) -> tuple[float, float]:
    """Return our time over torch.nn's, in inference and in training."""
    ours, theirs = (getattr(library, name)(x.shape[-1], x.shape[-1]) for library in (tidegate.nn, nn))
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        found, expected = (module(x) for module in (ours, theirs))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        inference = ratio(lambda: ours(x), lambda: theirs(x))
    return inference, ratio(training(ours, x), training(theirs, x))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| | steps, batch, hidden units | inference | training |\n|---|---|---|---|")
    kinds = ("LSTM", "GRU", "RNN")
    cases = [(kind, f"{t}, {b}, {h}", torch.randn(t, b, h)) for kind, (t, b, h) in product(kinds, LAYERS)]
    cases += [(f"{kind}Cell", f"1, {b}, {h}", torch.randn(b, h)) for kind, (b, h) in product(kinds, CELLS)]
    for name, sizes, x in cases:
        inference, trained = compared(name, x)
        print(f"| `{name}` | {sizes} | {inference:.2f} | {trained:.2f} |")


if __name__ == "__main__":
    main()
