"""PyTorch's own fused layers: cuDNN's, MIOpen's, or those of whatever library PyTorch has for a device."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.engine.backends.vendor.fused import fused_layer
from tidegate.engine.backends.vendor.refusals import reasons_against, reasons_to_ask
from tidegate.engine.backends.vendor.whole_module import laid_out, run_layers
from tidegate.engine.call import Backend, Call, Result
from tidegate.engine.profiling import profiled


class VendorBackend(Backend):
    """PyTorch's own LSTM, GRU and RNN, for cells with exactly their equations."""

    name = "vendor"
    half_precision = "asked"  # because these layers round their states in half precision, at every step
    runs_stacks = True

    def unsupported(self, call: Call) -> list[str]:
        """List the reasons why this backend cannot run a call; an empty list if it can."""
        return reasons_against(call)

    def not_by_default(self, call: Call) -> list[str]:
        """List the reasons why this backend has to be asked for."""
        return reasons_to_ask(call)

    def run(self, call: Call) -> Result:
        """Run a checked call."""
        with profiled(call.cell):
            return run_layers([call])

    def laid_out(self, call: Call) -> Call:
        """Return a call whose weights are in one piece, as cuDNN reads them."""
        return laid_out(call)

    def run_stack(self, calls: Sequence[Call]) -> Result | None:
        """Run all layers and directions with one operator; None if they are not all of one kind and size."""
        if len({(call.cell.digest, call.hidden_size) for call in calls}) > 1 or any(map(reasons_against, calls)):
            return None
        with profiled(calls[0].cell):
            return run_layers(calls)

    def note(self, call: Call) -> str:
        """Name the layer and the library."""
        return fused_layer(call.cell.digest).described(call.x)


VENDOR = VendorBackend()
