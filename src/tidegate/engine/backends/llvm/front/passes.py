"""The forward and the backward pass on the CPU kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tidegate.cells import Cell
from tidegate.engine.backends.llvm.front.reasons import multiplies_bfloat16
from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.launch.argument_layout import with_initial_state
from tidegate.engine.backends.llvm.launch.backward_run import backward_run
from tidegate.engine.backends.llvm.launch.buffers import summed
from tidegate.engine.backends.llvm.launch.cores import AtWork
from tidegate.engine.backends.llvm.launch.launcher import pad_last_dimension
from tidegate.engine.backends.llvm.launch.replay.replayed_forward import forward_run
from tidegate.engine.backends.llvm.launch.threads import lost_its_threads, on_new_threads
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.kernels.differentiable import not_a_view
from tidegate.engine.kernels.passes import Forward, Passes, adjoint_of, records_with_gradient, values_to_store
from tidegate.engine.precision import in_float32
from tidegate.engine.profiling import profiled


class LLVMPasses(Passes):
    """The passes of the CPU backend."""

    name = "llvm"

    def forward(self, call: Call, names: tuple[str, ...], *, train: bool, zero_past_lengths: bool = False) -> Forward:
        """Run the forward kernel."""
        if lost_its_threads():
            return on_new_threads(self.forward, call, names, train=train, zero_past_lengths=zero_past_lengths)
        if torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return self.forward(call, names, train=train, zero_past_lengths=zero_past_lengths)
        if not _is_computed_here(call):
            return self._forward_in_float32(call, names, train, zero_past_lengths)
        output, steps, hidden = call.cell.states[0], call.x.shape[0], call.hidden_size
        stored = values_to_store(call, names, train=train)
        zero_past = frozenset(name for name, _ in stored) if zero_past_lengths else frozenset(names)
        with AtWork(), profiled(call.cell):
            sequences, final = forward_run(call, stored, zero_past, initial=train)
        first = 0 if call.reverse else 1
        outputs = call.state[0].shape[1]
        over_time, shared = [], []
        for name in (output, *names):
            whole = sequences[name]
            whole = whole[first : first + steps] if len(whole) > steps else whole
            size = outputs if name == output else hidden
            over_time.append(without_padding(whole, size).to(call.x.dtype))
            if train and size == whole.shape[2] and whole.dtype == call.x.dtype:
                shared.append(over_time[-1])
        own = [without_padding(value, state.shape[1]) for value, state in zip(final, call.state, strict=True)]
        return Forward((over_time[0], *own, *over_time[1:]), sequences, tuple(shared))

    def _forward_in_float32(self, call: Call, names: tuple[str, ...], train: bool, zero_past_lengths: bool) -> Forward:
        made = self.forward(in_float32(call), names, train=train, zero_past_lengths=zero_past_lengths)
        half, first_record = call.x.dtype, 1 + len(call.cell.states)
        results = [r if 0 < k < first_record else r.to(half) for k, r in enumerate(made.results)]
        rounded = {name: s.to(half) if self.is_rounded(call.cell, name) else s for name, s in made.sequences.items()}
        return Forward(tuple(results), rounded, ())

    def backward(
        self,
        call: Call,
        names: tuple[str, ...],
        sequences: Mapping[str, Tensor],
        gradients: Sequence[Tensor | None],
        wanted: list[str],
    ) -> dict[str, Tensor]:
        """Run the backward kernel."""
        if lost_its_threads():
            return on_new_threads(self.backward, call, names, sequences, gradients, wanted)
        if torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return self.backward(call, names, sequences, gradients, wanted)
        tensors = tensors_by_name(call) if call.x.dtype != call.state[0].dtype else {}
        if not _is_computed_here(call):
            call, sequences = in_float32(call), {name: s.float() for name, s in sequences.items()}
            gradients = [None if g is None else g.float() for g in gradients]
        names, gradients = records_with_gradient(call, names, sequences, gradients)
        with AtWork(), profiled(call.cell, backward=True):
            given = (call, names, adjoint_of(call, names), sequences, tuple(gradients), set(wanted))
            found = backward_run(*given)
        return {name: found[name].to(t.dtype) for name, t in tensors.items() if name in found} if tensors else found

    def with_initial_state(self, cell: Cell) -> frozenset[str]:
        """Return which stored values have one step more, the initial state."""
        return with_initial_state(cell)

    def is_rounded(self, cell: Cell, name: str) -> bool:
        """Whether a stored value is in half precision if the input is: the output, and operands of products."""
        return name in with_initial_state(cell)

    def padded(self, stored: Tensor) -> Tensor:
        """Return a stored value with rows of whole vectors."""
        return pad_last_dimension(stored, instruction_set().vector_bytes // summed(stored).element_size())


def _is_computed_here(call: Call) -> bool:
    """Whether this processor multiplies a call's input: a program may have been traced on one that does."""
    return call.x.dtype != torch.bfloat16 or multiplies_bfloat16()


LLVM_PASSES = LLVMPasses()


def without_padding(value: Tensor, size: int) -> Tensor:
    """Remove the padding; the result is not a view, because autograd does not allow in-place changes of these."""
    if size != value.shape[-1]:
        return value[..., :size].contiguous()
    if not value._is_view():
        return value
    return not_a_view(value)
