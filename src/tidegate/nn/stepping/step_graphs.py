"""A step captured in CUDA graphs: on a GPU launching the kernels of one step takes longer than they do."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from tidegate.engine.run import can_be_read

Step = Callable[[Tensor], Tensor]


def on_gpu(like: Tensor) -> bool:
    """Whether a tensor is where there are CUDA graphs."""
    return like.is_cuda


class StepGraphs:
    """A step that is captured and then replayed.

    The first call runs as it is, so that kernels are compiled and libraries set up. The second and the third capture
    one CUDA graph each; from then on the two are replayed in turn, so that an output is overwritten by the step after
    the next. Within a capture of the caller's, where operations are replaced (fake tensors, counters), and for
    subclasses of tensors, the step runs as it is.

    A step that cannot be captured, because it waits for the device, is run as it is for good, with a warning: its
    numbers are right, but it is slow.

    Args:
        step: the step. It keeps its states in the same memory, and is a matter of the device alone.
        like: a tensor like its input.
    """

    def __init__(self, step: Step, like: Tensor):
        self._step, self._input = step, torch.empty_like(like)
        self._graphs: list[tuple[torch.cuda.CUDAGraph, Tensor]] = []
        self._side: torch.cuda.Stream | None = None
        self._turn, self._failed = 0, False

    def __call__(self, x: Tensor) -> Tensor:
        """Run one step on x (B, I), and return the output."""
        if self._failed or torch.cuda.is_current_stream_capturing() or not can_be_read(x):
            return self._step(x)
        if self._side is None:
            return self._first(x)
        self._input.copy_(x.detach() if x.requires_grad else x)
        if len(self._graphs) < 2 and not self._capture(self._side):
            return self._step(self._input)
        graph, output = self._graphs[self._turn]
        self._turn = 1 - self._turn
        graph.replay()
        return output

    def _first(self, x: Tensor) -> Tensor:
        """Run a step beside the current stream, as libraries need it before a capture there."""
        with torch.cuda.device(x.device):
            here, side = torch.cuda.current_stream(), torch.cuda.Stream()
            side.wait_stream(here)
            with torch.cuda.stream(side):
                output = self._step(x)
            here.wait_stream(side)
            output.record_stream(here)
        self._side = side
        return output

    def _capture(self, side: torch.cuda.Stream) -> bool:
        """Capture a step, without running it; False if that cannot be done."""
        graph = torch.cuda.CUDAGraph()
        try:
            # `stream`, too, goes back to the caller's stream: where a capture fails, `graph` does not.
            with (
                torch.inference_mode(False),
                torch.no_grad(),
                torch.cuda.device(side.device),
                torch.cuda.stream(side),
                torch.cuda.graph(graph, stream=side, capture_error_mode="thread_local"),
            ):
                output = self._step(self._input)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # an error that has another reason is raised by the step itself
            self._failed = True
            warnings.warn(
                f"This step cannot be captured in a CUDA graph, so it is launched operation by operation: {error}",
                RuntimeWarning,
                stacklevel=4,
            )
            return False
        self._graphs.append((graph, output))
        return True
