"""The backward kernel of a call whose kind was seen before: see `noted_launches.py`."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty_like
from tidegate.engine.backends.llvm.launch.forward_backward import BackwardRun, Gradients, run_backward_kernel
from tidegate.engine.backends.llvm.launch.replay.noted_launches import Kinds, Replay
from tidegate.engine.backends.llvm.launch.replay.noting import OnlyLaunches, noting
from tidegate.engine.backends.llvm.launch.replay.replayed_forward import kind_of, like_tensors, tensors_of
from tidegate.engine.backends.llvm.launch.weight_gradients import weight_gradients


class ReplayedBackward:
    """A backward kernel, and the products after it where these are nothing but launches, to be run again."""

    def __init__(self, run: BackwardRun):
        with torch.inference_mode(False), torch.no_grad(), noting() as noted:
            given, call = like_tensors(run.call)
            stored = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in run.sequences.items()}
            results = [None if t is None else torch.empty(t.shape, dtype=t.dtype) for t in run.gradients]
            own = run._replace(call=call, sequences=stored, gradients=results)
            found = run_backward_kernel(own)
            of_kernel = len(noted)
            with OnlyLaunches() as seen:
                products = weight_gradients(own, found)
        self._names, self._sums, self._carried = found.names, tuple(found.sums), tuple(found.carried)
        self._by_output = found.by_output is not None
        self._shapes: dict[str, torch.Size] | None = None
        self._made = [found.made, *([found.by_output] if found.by_output is not None else [])]
        self._made += [*found.sums.values(), *found.carried.values()]
        self._zeroed: list[int] = []
        if seen.others:
            del noted[of_kernel:]
        else:
            self._shapes = {name: t.shape for name, t in products.items()}
            self._made += products.values()
            addresses = [t.data_ptr() for t in self._made]
            self._zeroed = [addresses.index(t.data_ptr()) for t in seen.zeroed]
        self._replay = Replay(noted, [*given, *stored.values(), *[t for t in results if t is not None], *self._made])
        self.nbytes = sum(t.nbytes for t in call.weights.matrices()) + sum(t.nbytes for t in self._made)

    def run(self, run: BackwardRun) -> Gradients:
        """Run it; returns what `run_backward_kernel` returns."""
        made = [empty_like(t) for t in self._made]
        for k in self._zeroed:
            made[k].zero_()
        wanted = [t for t in run.gradients if t is not None]
        given = [*tensors_of(run.call), *run.sequences.values(), *wanted]
        self._replay([*[t.contiguous() for t in given], *made])
        rest = iter(made)
        return Gradients(
            self._names,
            next(rest),
            next(rest) if self._by_output else None,
            {name: next(rest) for name in self._sums},
            {name: next(rest) for name in self._carried},
            None
            if self._shapes is None
            else {name: _shaped(next(rest), shape) for name, shape in self._shapes.items()},
        )


def _shaped(tensor: Tensor, shape: torch.Size) -> Tensor:
    return tensor if tensor.shape == shape else tensor.view(shape)


_KINDS: Kinds[ReplayedBackward] = Kinds()


def kernel_gradients(run: BackwardRun) -> Gradients:
    """Run the backward kernel as `run_backward_kernel` does, prepared only once for all short calls of a kind."""
    kind = kind_of(run.call, run.names, run.wanted, tuple(run.sequences), tuple([g is None for g in run.gradients]))
    one = None if kind is None else _KINDS.take(kind, lambda: ReplayedBackward(run))
    if one is None:
        return run_backward_kernel(run)
    result = one.run(run)
    _KINDS.give_back(kind, one)
    return result
