"""The CPU backend: a cell's Program and its adjoint, compiled with LLVM for the machine it runs on."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, float32, float64

from tidegate.engine.backends.llvm.front import operators as operators  # so that traced programs find them
from tidegate.engine.backends.llvm.front.reasons import INSTALLED
from tidegate.engine.backends.llvm.front.reasons import unsupported as unsupported
from tidegate.engine.call import Call, Result, Stepping
from tidegate.engine.explain.explanation import BackendPlan

name = "llvm"


def run(call: Call) -> Result:
    """Run a checked call."""
    from tidegate.engine.backends.llvm.front.entry import run_call

    return run_call(call)


def stepping(call: Call) -> Stepping | None:
    """A checked call of one step, to be made again and again; None if that is no faster than running it."""
    from tidegate.engine.backends.llvm.front.autograd import flatten
    from tidegate.engine.backends.llvm.front.prepared_step import Prepared

    return Prepared(call) if {t.dtype for t in flatten(call).values()} in ({float32}, {float64}) else None


def explain(call: Call, *, training: bool) -> BackendPlan:
    """How `run` would run a checked call, which is not run."""
    from tidegate.engine.backends.llvm.front.describe import described

    return described(call, training=training)


def product() -> Callable[[Tensor, Tensor], Tensor] | None:
    """The backend's matrix product; None where nothing can be compiled."""
    if not INSTALLED:
        return None
    from tidegate.engine.backends.llvm.launch.matmul import multiply

    return multiply
