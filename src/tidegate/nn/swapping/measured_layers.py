"""What goes into the layers of a model when it is called, and how long they take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from tidegate.nn.evaluating import evaluating

ROUNDS = 7
AT_LEAST = 2e-3  # seconds that are timed together


@contextmanager
def same_numbers(seed: int = 0) -> Iterator[None]:
    """Draw the same random numbers every time, and leave those that follow as they would be."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def outputs_of(model: nn.Module, example: Sequence[Any]) -> list[Tensor]:
    """Return the tensors that a model gives in evaluation, without gradients."""
    with evaluating(model), torch.no_grad(), same_numbers():
        return [it for it in tree_leaves(model(*example)) if isinstance(it, Tensor)]


def calls_of(
    model: nn.Module, example: Sequence[Any], modules: Sequence[nn.Module]
) -> dict[nn.Module, tuple[Any, Any]]:
    """Return the arguments of the last call of each module when the model is called."""
    found: dict[nn.Module, tuple[Any, Any]] = {}

    def note(module: nn.Module, args: Any, kwargs: Any) -> None:
        found[module] = tree_map(lambda it: it.detach() if isinstance(it, Tensor) else it, (args, kwargs))

    handles = [it.register_forward_pre_hook(note, with_kwargs=True) for it in modules]
    try:
        with evaluating(model), torch.no_grad(), same_numbers():
            model(*example)
    finally:
        for handle in handles:
            handle.remove()
    return found


def seconds(
    module: nn.Module, call: tuple[Any, Any], change: Callable[[nn.Module], None], back: Callable[[nn.Module], None]
) -> tuple[float, float]:
    """Return how long a call takes as the module is and after a change, medians of calls in turn.

    In training forward and backward are timed, in evaluation forward without gradients.
    """

    def run() -> None:
        args, kwargs = call
        if not module.training:
            with torch.no_grad():
                module(*args, **kwargs)
            return
        made = [it for it in tree_leaves(module(*args, **kwargs)) if isinstance(it, Tensor) and it.requires_grad]
        if made:
            torch.autograd.grad(made, [p for p in module.parameters() if p.requires_grad], made, allow_unused=True)

    def timed(count: int) -> float:
        _wait()
        start = time.perf_counter()
        for _ in range(count):
            run()
        _wait()
        return (time.perf_counter() - start) / count

    def timed_changed(count: int) -> float:
        change(module)
        try:
            return timed(count)
        finally:
            back(module)

    with same_numbers():
        timed(1)
        timed_changed(2)  # compiled
        counts = _count(timed(1)), _count(timed_changed(1))
        rounds = [(timed(counts[0]), timed_changed(counts[1])) for _ in range(ROUNDS)]
    before, after = zip(*rounds, strict=True)
    return statistics.median(before), statistics.median(after)


def _count(duration: float) -> int:
    return max(1, min(50, round(AT_LEAST / max(duration, 1e-6))))


def _wait() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
