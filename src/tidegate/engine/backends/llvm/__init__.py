"""The CPU backend: a cell's Program and its adjoint, compiled with LLVM for the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from tidegate.engine.backends.llvm.front.reasons import llvmlite_fault, multiplies_bfloat16, reasons_against
from tidegate.engine.call import Backend, Call, Prepared, Result, Stepping
from tidegate.engine.explain.explanation import BackendPlan
from tidegate.engine.kernels.operators import flop_formulas as flop_formulas  # registers them for counters
from tidegate.engine.kernels.operators import registered as registered  # registers them for traced programs
from tidegate.engine.kernels.passes import PASSES, Passes


def _passes() -> Passes:
    from tidegate.engine.backends.llvm.front.passes import LLVM_PASSES

    return LLVM_PASSES


PASSES["llvm"] = _passes


class LLVMBackend(Backend):
    """The CPU backend. What compiles and launches kernels is imported on first use."""

    name = "llvm"
    batch_invariant = True

    def unsupported(self, call: Call) -> list[str]:
        """List the reasons why this backend cannot run a call; an empty list if it can."""
        return reasons_against(call)

    def multiplies_bfloat16(self) -> bool:
        """Whether an instruction of this processor multiplies bfloat16."""
        return multiplies_bfloat16()

    def run(self, call: Call) -> Result:
        """Run a checked call."""
        from tidegate.engine.kernels.run_kernels import run_with_kernels

        return run_with_kernels(call, _passes())

    def stepping(self, call: Call) -> Stepping:
        """Prepare a checked call of one step, all of whose tensors have one dtype."""
        from tidegate.engine.backends.llvm.front.prepared_step import PreparedStep

        return PreparedStep(call)

    def prepared(self, call: Call) -> Prepared | None:
        """Prepare a checked call that is short; None for others."""
        from tidegate.engine.backends.llvm.front.prepared_run import PreparedRun
        from tidegate.engine.backends.llvm.launch.replay.replayed_forward import kind_of

        unusual = call.masks or call.record or call.reset is not None
        return None if unusual or kind_of(call) is None else PreparedRun(call)

    def stepping_in_int8(self, call: Call) -> Stepping:
        """Prepare a checked call of one step with weights in int8."""
        from tidegate.engine.backends.llvm.front.prepared_step import PreparedStep

        return PreparedStep(call, int8=True)

    def explain(self, call: Call, *, training: bool) -> BackendPlan:
        """Describe the kernels that `run` would use."""
        from tidegate.engine.backends.llvm.front.describe import describe_kernels

        return describe_kernels(call, training=training)

    def matrix_product(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the matrix product of this backend; None where llvmlite cannot be imported."""
        if llvmlite_fault():
            return None
        from tidegate.engine.backends.llvm.launch.matmul import multiply

        return multiply


LLVM = LLVMBackend()
