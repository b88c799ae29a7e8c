"""`torch.library` operators, used under torch.compile, torch.export and fake tensors.

* ``tidegate::run`` is a traced call: the output, the final states, the recorded values.
* ``tidegate::run_forward`` and ``tidegate::run_backward`` replace it where gradients are wanted.

Shapes do not depend on the machine: the kernels' padding is removed and added again between the two passes.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from tidegate.engine.call import Call
from tidegate.engine.kernels.operators.schema import CALL, LAST, last_arguments, operator_arguments

LIBRARY = torch.library.Library("tidegate", "DEF")

Implementation = Callable[..., list[Tensor]]


def run_operator(call: Call, names: tuple[str, ...], backend: str) -> tuple[Tensor, ...]:
    """Return what `run_differentiable` returns, as one operator."""
    return tuple(torch.ops.tidegate.run.default(*operator_arguments(call, names), *last_arguments(call, backend)))


def _kernels() -> ModuleType:
    # Imported on first use, and the compiler with it; but the operators must be registered from the start.
    from tidegate.engine.kernels.operators import implementations

    return implementations


def _register(name: str, more: str, run: Implementation, fake: Implementation) -> None:
    LIBRARY.define(f"{name}({CALL}{more}, {LAST}) -> Tensor[]")
    for device in ("CPU", "CUDA"):
        LIBRARY.impl(name, run, device)
    torch.library.register_fake(f"tidegate::{name}", fake, lib=LIBRARY)


_register(
    "run",
    "",
    lambda *given: _kernels().run_now(*given),
    lambda *given: _kernels().run_fake(*given),
)
_register(
    "run_forward",
    "",
    lambda *given: _kernels().run_forward_now(*given),
    lambda *given: _kernels().run_forward_fake(*given),
)
_register(
    "run_backward",
    ", Tensor[] sequences, Tensor?[] gradients, str[] wanted",
    lambda *given: _kernels().run_backward_now(*given),
    lambda *given: _kernels().run_backward_fake(*given),
)
LIBRARY.impl("run", lambda *given: _kernels().run_with_autograd(*given), "Autograd")

OPERATORS = torch.ops.tidegate
