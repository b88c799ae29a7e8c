"""A step captured in CUDA graphs: on a GPU launching the kernels of one step takes longer than they do."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from tidegate.engine.run import can_be_read

Step = Callable[[Tensor], Tensor]
_CAPTURING = threading.Lock()  # of all captures of a device, which are on one stream


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
        self._turn, self._warm, self._failed = 0, False, False

    def __call__(self, x: Tensor) -> Tensor:
        """Run one step on x (B, I), and return the output."""
        if self._failed or not can_be_read(x) or torch.cuda.is_current_stream_capturing():
            return self._step(x)
        self._input.copy_(x.detach() if x.requires_grad else x)
        if not self._warm:
            return self._first()
        if len(self._graphs) < 2 and not self._capture():
            return self._step(self._input)
        graph, output = self._graphs[self._turn]
        self._turn = 1 - self._turn
        graph.replay()
        return output

    def _first(self) -> Tensor:
        """Run a step beside the current stream, as PyTorch asks for before a capture."""
        device = self._input.device
        side = _stream(device, "first steps")
        with torch.cuda.device(device):
            here = torch.cuda.current_stream()
            side.wait_stream(here)
            with torch.cuda.stream(side):
                output = self._step(self._input)
            here.wait_stream(side)
            output.record_stream(here)
        self._warm = True
        return output

    def _capture(self) -> bool:
        """Capture a step, without running it; False if that cannot be done."""
        device, graph = self._input.device, torch.cuda.CUDAGraph()
        try:
            # Not `torch.cuda.graph`: it waits for the device and gives all unused memory back to it, here as often as
            # weights change.
            with (
                _CAPTURING,
                torch.inference_mode(False),
                torch.no_grad(),
                torch.cuda.device(device),
                torch.cuda.stream(_stream(device, "captures")),
            ):
                graph.capture_begin(capture_error_mode="thread_local")
                try:
                    output = self._step(self._input)
                finally:
                    graph.capture_end()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # an error that has another reason is raised by the step itself
            self._failed = True
            warnings.warn(
                "This step cannot be captured in a CUDA graph, so it is launched operation by operation: "
                f"{error.__context__ or error}",
                RuntimeWarning,
                stacklevel=4,
            )
            return False
        self._graphs.append((graph, output))
        return True


@functools.cache
def _stream(device: torch.device, purpose: str) -> torch.cuda.Stream:
    """Return the one stream of a device for a purpose: libraries keep memory for every stream that they have seen."""
    del purpose
    return torch.cuda.Stream(device)
