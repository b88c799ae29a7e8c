"""The forward and the backward pass on Triton's kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from tidegate.engine.backends.triton.launch.backward import launch_backward
from tidegate.engine.backends.triton.launch.forward import launch_forward
from tidegate.engine.call import Call
from tidegate.engine.kernels.call_tensors import tensors_by_name
from tidegate.engine.kernels.passes import Forward, Passes, adjoint_of, records_with_gradient, values_to_store
from tidegate.engine.profiling import profiled


class TritonPasses(Passes):
    """The passes of the GPU backend."""

    name = "triton"

    def forward(self, call: Call, names: tuple[str, ...], *, train: bool, zero_past_lengths: bool = False) -> Forward:
        """Run the forward kernel; all that it stores is zero past the lengths."""
        del zero_past_lengths
        with profiled(call.cell):
            sequences, final = launch_forward(call, values_to_store(call, names, train=train))
        over_time = tuple(sequences[name].to(call.x.dtype) for name in (call.cell.states[0], *names))
        return Forward((over_time[0], *final, *over_time[1:]), sequences, over_time if train else ())

    def backward(
        self,
        call: Call,
        names: tuple[str, ...],
        sequences: Mapping[str, Tensor],
        gradients: Sequence[Tensor | None],
        wanted: list[str],
    ) -> dict[str, Tensor]:
        """Run the backward kernel."""
        names, gradients = records_with_gradient(call, names, sequences, gradients)
        with profiled(call.cell, backward=True):
            found = launch_backward(call, names, adjoint_of(call, names), sequences, gradients, set(wanted))
        tensors = tensors_by_name(call)
        return {name: gradient.to(tensors[name].dtype) for name, gradient in found.items() if name in tensors}


TRITON_PASSES = TritonPasses()
