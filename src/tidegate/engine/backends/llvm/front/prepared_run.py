"""A run that is prepared once for all inputs of a shape, and weights that do not change."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from torch import Tensor

from tidegate.engine.backends.llvm.front.passes import without_padding
from tidegate.engine.backends.llvm.launch.cores import AtWork, threads_to_use
from tidegate.engine.backends.llvm.launch.replay.replayed_forward import ReplayedForward
from tidegate.engine.backends.llvm.launch.threads import lost_its_threads
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.kernels.passes import values_to_store


class PreparedRun:
    """A `tidegate.engine.Prepared` whose launches were noted.

    Args:
        call: a call without masks, of a kind that can be replayed.
    """

    def __init__(self, call: Call):
        self._call, self._lock = call, threading.Lock()
        self._output, self._sizes = call.cell.states[0], [s.shape[1] for s in call.state]
        self._given = [*tensors_by_name(call).values()]
        self._by_threads: dict[int, ReplayedForward] = {}  # how many a call uses changes with what else is running

    def run(self, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]] | None:
        """Run it on another input and state; None if another thread is running it."""
        with AtWork():
            if lost_its_threads() or not self._lock.acquire(blocking=False):
                return None
            try:
                prepared = self._prepared(threads_to_use())
                sequences, final = prepared.run_on([x, *self._given[1 : -len(state)], *state])
            finally:
                self._lock.release()
        output = without_padding(sequences[self._output], self._sizes[0])
        return output, tuple([without_padding(s, size) for s, size in zip(final, self._sizes, strict=True)])

    def _prepared(self, threads: int) -> ReplayedForward:
        one = self._by_threads.get(threads)
        if one is None:
            stored = values_to_store(self._call, (), train=False)
            one = self._by_threads[threads] = ReplayedForward(self._call, stored, initial=False)
        return one
