"""One step at a time, with a kernel's arguments prepared once."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import torch
from torch import Tensor

from tidegate.engine.backends.llvm.emit.barrier import WAS_LATE
from tidegate.engine.backends.llvm.launch.buffers import zeros
from tidegate.engine.backends.llvm.launch.cores import AtWork, cores, partner_was_late, threads_to_use
from tidegate.engine.backends.llvm.launch.forward_backward import forward_arguments
from tidegate.engine.backends.llvm.launch.launcher import Launch
from tidegate.engine.backends.llvm.launch.threads import can_wait_for_one_another, run_parts
from tidegate.engine.call import NO_MASKS, Call
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.passes import values_to_store

WORTH_SHARING = 1 << 19  # weights from which a step is faster on several threads


class PreparedStep:
    """A `tidegate.engine.Stepping` with the arguments of its kernel prepared.

    A state that products read has two buffers: a step reads one and writes the other, the next step the other way
    round. Two states may be one value, as the output and the memory of a cell without an output gate. They may still
    be set to different numbers, so each has memory of its own. In bfloat16 these buffers are only what products read:
    the states themselves are in float32, and every step rounds them anew.

    Args:
        call: a call of one step.
        int8: whether weights are rounded to int8.
    """

    def __init__(self, call: Call, *, int8: bool = False):
        stored = values_to_store(call, (), train=False)
        launch, sequences, final = forward_arguments(call, stored, frozenset(), initial=True, fused=True, int8=int8)
        several = sum(w.numel() for w in call.weights.matrices()) > WORTH_SHARING and can_wait_for_one_another()
        parts = min(torch.get_num_threads(), cores()) if several else 1
        kernel, output = launch.kernel, call.cell.states[0]
        first = {name: state for state, name in reversed(kernel.sequences.items())}
        stored_as = {state: name for state, name in kernel.sequences.items() if first[name] == state}
        for state, value, own in zip(call.cell.states, call.state, final, strict=True):
            if state not in (*kernel.in_place, *stored_as):  # the final value is the next initial one
                own.zero_()[:, : value.shape[1]] = value
                launch.set_tensor(arguments.initial(state), own)
        for state, name in stored_as.items():
            own = call.state[call.cell.states.index(state)]
            sequences[name][0].zero_()[:, : own.shape[1]] = own
        self._masks, self._unusual = _own_masks(call, launch), False
        self._turns, self._states, self._outputs = [], [], []
        for turn in range(2):
            for state, name in stored_as.items():
                read = arguments.rounded(state) if state in kernel.in_place else arguments.initial(state)
                launch.set_tensor(read, sequences[name][turn])
                launch.set_tensor(arguments.out(name), sequences[name][1 - turn])
            function, table, barrier = launch.ready(None, parts, splits_hidden=parts > 1, turn=turn)
            self._turns.append((function, table, ctypes.addressof(table), parts, barrier))
            after = [
                own if name in kernel.in_place or name not in stored_as else sequences[stored_as[name]][1 - turn]
                for name, own in zip(call.cell.states, final, strict=True)
            ]
            self._outputs.append(sequences[kernel.sequences[output]][1 - turn][:, : call.state[0].shape[1]])
            self._states.append([s[:, : given.shape[1]] for s, given in zip(after, call.state, strict=True)])
        self._input, self._turn = self._turns[0][0].table[arguments.X], 0
        self._keep_alive = launch.keep_alive

    @property
    def state(self) -> list[Tensor]:
        """The states (B, ·) after the last step; later steps overwrite their memory."""
        return self._states[1 - self._turn]

    def step(self, x: Tensor, masks: Mapping[str, Tensor] = NO_MASKS) -> Tensor:
        """Run one more step on x (B, I), contiguous and of the weights' dtype, and return the output."""
        if masks or self._unusual:
            for name, (room, default) in self._masks.items():
                room.copy_(masks.get(name, default))
            self._unusual = bool(masks)
        turn = self._turn
        function, table, address, parts, barrier = self._turns[turn]
        table[self._input] = x.data_ptr()
        if parts == 1 or not can_wait_for_one_another():  # a forked child may have a step prepared for several threads
            function.call(address, 0, 1)
        else:
            barrier[:] = [0] * len(barrier)
            with AtWork():
                run_parts(function, table, min(parts, threads_to_use()), self._keep_alive)
            if barrier[WAS_LATE]:
                partner_was_late()
        self._turn = 1 - turn
        return self._outputs[turn]


def _own_masks(call: Call, launch: Launch) -> dict[str, tuple[Tensor, Tensor]]:
    """Give the kernel memory of its own for each mask, and return it with the values that the call has."""
    made = {}
    for name, mask in call.masks.items():
        room = zeros((call.x.shape[1], launch.padded_hidden), call.state[0])
        launch.set_tensor(arguments.mask(name), room)
        made[name] = room[:, : call.hidden_size], mask[0]
        made[name][0].copy_(mask[0])
    return made
