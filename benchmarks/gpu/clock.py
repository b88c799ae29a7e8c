"""Time on a device: contenders in turns, each in blocks of calls between two events of the device."""

from __future__ import annotations

import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.measure import Pairs, spread

Run = Callable[[int], Any]
BLOCK = 0.01  # minimum seconds of a block: shorter calls are repeated in it, so that the host may run ahead
FLUSHED = 128 << 20  # bytes, more than the second-level cache of any GPU today


def rounds(contenders: Mapping[str, Run], device: torch.device, repeats: int) -> dict[str, list[float]]:
    """Return the seconds a call of each contender, round by round; the one that begins changes from round to round.

    Args:
        contenders: by name; each is called with a number that grows from call to call, by which it chooses its input.
        device: where they run.
        repeats: the number of rounds.
    """
    counts = {name: itertools.count() for name in contenders}
    calls = {name: _calls(run, counts[name], device) for name, run in contenders.items()}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for k in range(repeats):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            taken[name].append(_block(contenders[name], counts[name], calls[name], device))
    return taken


def pairs_of(first: list[float], second: list[float]) -> Pairs:
    """Return the ratios of two contenders, first to second, of each round."""
    return Pairs(spread([a / b for a, b in zip(first, second, strict=True)]), spread(first), spread(second))


def _calls(run: Run, count: itertools.count[int], device: torch.device) -> int:
    """Count the calls that fill a block, which also warms up the contender."""
    for _ in range(2):
        run(next(count))
    took = statistics.median(_block(run, count, 1, device) for _ in range(3))
    return max(1, math.ceil(BLOCK / max(took, 1e-7)))


def _block(run: Run, count: itertools.count[int], calls: int, device: torch.device) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        for _ in range(calls):
            run(next(count))
        return (time.perf_counter() - start) / calls
    _buffer(device).zero_()  # so that inputs and weights come from memory
    torch.cuda.synchronize(device)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(calls):
        run(next(count))
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3 / calls


@functools.cache
def _buffer(device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # one made in inference mode could not be written outside of it
        return torch.empty(FLUSHED, dtype=torch.uint8, device=device)


@dataclass(frozen=True)
class Replay:
    """CUDA graphs of a contender, one for each of its inputs.

    Attributes:
        run: what was captured, which holds the weights and inputs that the graphs read.
        graphs: by input.
        results: by input; each replay writes them anew.
    """

    run: Run
    graphs: tuple[torch.cuda.CUDAGraph, ...]
    results: tuple[Any, ...]

    def __call__(self, k: int) -> Any:
        """Replay the graph of an input."""
        self.graphs[k % len(self.graphs)].replay()
        return self.results[k % len(self.graphs)]


def captured(run: Run, inputs: int) -> Replay:
    """Return a contender that replays CUDA graphs of ``run``, one for each of its inputs.

    Results of ``run`` must hold no autograd graph, nor may one be alive that another stream has made of its weights:
    backward would wait for that stream, which ends the capture.
    """
    side = torch.cuda.Stream()  # for warming up and capturing, as libraries keep what they need by stream
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for k in range(max(3, inputs)):
            run(k)
    torch.cuda.current_stream().wait_stream(side)
    made = [_capture(run, k, side) for k in range(inputs)]
    return Replay(run, *zip(*made, strict=True))


def _capture(run: Run, k: int, stream: torch.cuda.Stream) -> tuple[torch.cuda.CUDAGraph, Any]:
    """Capture one call.

    Raises:
        Exception: what ``run`` raised, rather than the error of ending a capture that this has spoilt.
    """
    graph = torch.cuda.CUDAGraph()
    result: Any = None
    failed: Exception | None = None
    random = torch.cuda.default_generators[stream.device_index]
    before = random.clone_state()
    try:
        # torch.cuda.graph leaves its stream set where ending the capture fails; the one around it does not.
        with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
            try:
                result = run(k)
            except Exception as error:  # raised below, once the capture has ended
                failed = error
    except Exception:
        random.graphsafe_set_state(before)  # the present one goes on expecting to be captured
        if failed is None:
            raise
    if failed is not None:
        raise failed
    return graph, result
