"""The CPU backend: a cell's Program and its adjoint, compiled with LLVM for the machine it runs on."""

from __future__ import annotations

from tidegate.engine.backends.llvm import operators as operators  # so that traced programs find them
from tidegate.engine.backends.llvm.reasons import unsupported as unsupported
from tidegate.engine.call import Call, Result

name = "llvm"


def run(call: Call) -> Result:
    """Run a checked call."""
    from tidegate.engine.backends.llvm.calls import run_call

    return run_call(call)
