"""The GPU backend: a cell's Program and its adjoint as Triton kernels, one launch for all steps."""

from __future__ import annotations

import torch

from tidegate.engine.backends.triton.front.reasons import reasons_against
from tidegate.engine.call import Backend, Call, Result, Stepping
from tidegate.engine.explain.explanation import BackendPlan
from tidegate.engine.kernels.passes import PASSES, Passes


def _passes() -> Passes:
    from tidegate.engine.backends.triton.front.passes import TRITON_PASSES

    return TRITON_PASSES


PASSES["triton"] = _passes


class TritonBackend(Backend):
    """The GPU backend. Triton is imported on first use."""

    name = "triton"
    half_precision = "always"
    runs_side_by_side = True

    def unsupported(self, call: Call) -> list[str]:
        """List the reasons why this backend cannot run a call; an empty list if it can."""
        return reasons_against(call)

    def not_by_default(self, call: Call) -> list[str]:
        """List the reasons why it has to be asked for."""
        if call.x.device.type != "cuda":
            return ["Triton's interpreter runs it on the CPU, for tests: ask for it"]
        return ["it has not run on AMD's GPUs yet: ask for it"] if torch.version.hip else []

    def explain(self, call: Call, *, training: bool) -> BackendPlan:
        """Describe the kernels that `run` would use."""
        from tidegate.engine.backends.triton.front.plan import plan_of

        return plan_of(call, training=training)

    def run(self, call: Call) -> Result:
        """Run a checked call."""
        from tidegate.engine.kernels.run_kernels import run_with_kernels

        return run_with_kernels(call, _passes())

    def stepping(self, call: Call) -> Stepping:
        """Prepare a checked call of one step, all of whose tensors have one dtype."""
        from tidegate.engine.backends.triton.front.launched_step import LaunchedStep

        return LaunchedStep(call)


TRITON = TritonBackend()
