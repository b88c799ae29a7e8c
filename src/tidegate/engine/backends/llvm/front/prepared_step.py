"""One step at a time: everything that a call of the kernel needs is made once."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.front.autograd import stored
from tidegate.engine.backends.llvm.jit.threads import cores, meetable, run_parts
from tidegate.engine.backends.llvm.launch.forward_backward import prepare
from tidegate.engine.call import Call

WORTH_SHARING = 1 << 19  # weights from which a step is faster on several threads


class Prepared:
    """A cell between two steps.

    A state that the products read is kept twice: a step reads the one and writes the other, then they change places.

    Args:
        call: a call of one step.
    """

    def __init__(self, call: Call):
        launch, sequences, final = prepare(call, stored(call, (), train=False), frozenset(), initial=True, fused=True)
        weights = [w for w in (call.weights.w_ih, call.weights.w_hh, call.weights.w_hr) if w is not None]
        worth = sum(w.numel() for w in weights) > WORTH_SHARING and meetable()
        parts = min(torch.get_num_threads(), cores()) if worth else 1
        kept = launch.kernel.sequences
        self._turns, self._states = [], []
        for turn in range(2):
            for state, name in kept.items():
                launch.give(f"initial {state}", sequences[name][turn])
                launch.give(f"out {name}", sequences[name][1 - turn])
            function, table = launch.ready(None, parts, sharing=parts > 1, turn=turn)
            meeting = ctypes.c_int64.from_address(table[function.table["meeting"]])
            self._turns.append((function, table, ctypes.addressof(table), parts, meeting))
            after = [
                sequences[kept[name]][1 - turn] if name in kept else own
                for name, own in zip(call.cell.states, final, strict=True)
            ]
            self._states.append([s[:, : given.shape[1]] for s, given in zip(after, call.state, strict=True)])
        self._input, self._turn, self._keep = self._turns[0][0].table["x"], 0, launch.keep

    @property
    def state(self) -> list[Tensor]:
        """The states (B, ·) after the last step: memory that later steps write again."""
        return self._states[1 - self._turn]

    def step(self, x: Tensor) -> Tensor:
        """The output after one more step, on a contiguous input (B, I) of the weights' dtype."""
        turn = self._turn
        function, table, address, parts, meeting = self._turns[turn]
        table[self._input] = x.data_ptr()
        if parts == 1 or not meetable():  # a forked child may have what its parent prepared for several
            function.call(address, 0, 1)
        else:
            meeting.value = 0
            run_parts(function, table, parts, self._keep)
        self._turn = 1 - turn
        return self._states[turn][0]
