"""The two directions of a layer side by side on a GPU: neither waits for the other."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from tidegate.engine import Call, Result


class SideStream:
    """A CUDA stream for the reverse direction of a layer, to be made before the forward direction is run.

    Autograd runs the backward of a call on the stream of its forward, so that is side by side, too.

    Args:
        x: the layer's input.
    """

    def __init__(self, x: Tensor):
        self._main, self._side = torch.cuda.current_stream(x.device), _stream(x.device)
        self._ready = self._main.record_event()

    def run(self, call: Call, work: Callable[[Call], Result]) -> Result:
        """Run a call that was made before the forward direction was run; what follows waits for it."""
        self._side.wait_event(self._ready)
        with torch.cuda.stream(self._side):
            result = work(call)
        self._main.wait_stream(self._side)
        # Memory is given back to the stream that allocated it, which has to wait for the other one's use of it.
        for tensor in call.tensors():
            tensor.record_stream(self._side)
        for tensor in (result.output, *result.state, *result.record.values()):
            tensor.record_stream(self._main)
        return result


def runs_on_cuda(x: Tensor) -> bool:
    """Whether there are streams: on a GPU, and not while `torch.compile` traces."""
    return x.device.type == "cuda" and not torch.compiler.is_compiling()


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
