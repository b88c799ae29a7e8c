"""The backward kernel of a call whose kind was seen before: see `noted_launches.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.launch.buffers import empty_like
from tidegate.engine.backends.llvm.launch.forward_backward import Gradients, run_backward_kernel
from tidegate.engine.backends.llvm.launch.replay.noted_launches import Kinds, Replay
from tidegate.engine.backends.llvm.launch.replay.noting import noting
from tidegate.engine.backends.llvm.launch.replay.replayed_forward import kind_of, like_tensors
from tidegate.engine.backends.llvm.launch.valid_rows import ValidRows
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.program.adjoint import Adjoint


class ReplayedBackward:
    """A backward kernel that can be run again on other tensors; arguments are those of `run_backward_kernel`."""

    def __init__(
        self,
        call: Call,
        names: tuple[str, ...],
        back: Adjoint,
        sequences: Mapping[str, Tensor],
        gradients: Sequence[Tensor | None],
        valid: ValidRows,
    ):
        with torch.inference_mode(False), torch.no_grad(), noting() as noted:
            given, own = like_tensors(call)
            stored = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in sequences.items()}
            results = [None if t is None else torch.empty(t.shape, dtype=t.dtype) for t in gradients]
            found = run_backward_kernel(own, names, back, stored, results, valid)
        self._names, self._sums, self._carried = found.names, tuple(found.sums), tuple(found.carried)
        self._made = [found.made, *([] if found.by_output is None else [found.by_output])]
        self._first = len(self._made)
        self._made += [*found.sums.values(), *found.carried.values()]
        wanted = [t for t in results if t is not None]
        self._replay = Replay(noted, [*given, *stored.values(), *wanted, *self._made])
        self.nbytes = sum(t.nbytes for t in call.weights.matrices()) + sum(t.nbytes for t in self._made)

    def run(self, call: Call, sequences: Mapping[str, Tensor], gradients: Sequence[Tensor | None]) -> Gradients:
        """Run the kernel; returns what `run_backward_kernel` returns."""
        made, first, sums = [empty_like(t) for t in self._made], self._first, len(self._sums)
        given = [*tensors_by_name(call).values(), *sequences.values(), *[t for t in gradients if t is not None]]
        self._replay([*[t.contiguous() for t in given], *made])
        return Gradients(
            self._names,
            made[0],
            made[1] if first > 1 else None,
            dict(zip(self._sums, made[first : first + sums], strict=True)),
            dict(zip(self._carried, made[first + sums :], strict=True)),
        )


_KINDS: Kinds[ReplayedBackward] = Kinds()


def kernel_gradients(
    call: Call,
    names: tuple[str, ...],
    back: Adjoint,
    sequences: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
    valid: ValidRows,
) -> Gradients:
    """Run the backward kernel as `run_backward_kernel` does, prepared only once for all short calls of a kind."""
    kind = kind_of(call, names, tuple(sequences), tuple([g is None for g in gradients]))
    given = (call, names, back, sequences, gradients, valid)
    one = None if kind is None else _KINDS.take(kind, lambda: ReplayedBackward(*given))
    if one is None:
        return run_backward_kernel(*given)
    result = one.run(call, sequences, gradients)
    _KINDS.give_back(kind, one)
    return result
