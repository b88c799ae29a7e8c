"""From a kernel's source to Triton's functions."""

from __future__ import annotations

import functools
import itertools
import linecache
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import triton
import triton.language as tl

from tidegate.engine.backends.triton.emit import device_functions
from tidegate.engine.backends.triton.emit.kernel import emit_kernel
from tidegate.engine.backends.triton.kernel_spec import KernelSpec

_COUNT = itertools.count()
_GIVEN = {
    name: getattr(device_functions, name)
    for name in ("sigmoid", "tanh", "softplus", "remainder", "wide", "arrive", "wait")
}


@dataclass(frozen=True)
class Compiled:
    """A kernel that Triton can launch.

    Attributes:
        function: Triton's function.
        names: its parameters by the names of `tidegate.engine.kernels.arguments`.
        text: its source.
        found: what Triton compiled it to, by what that depends on.
    """

    function: Any
    names: Mapping[str, str]
    text: str
    found: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)


@functools.lru_cache(maxsize=512)
def kernel_of(spec: KernelSpec, only: int | None = None) -> Compiled:
    """Return the kernel for all steps, or only for one stage of one step."""
    emitted = emit_kernel(spec, only)
    # Triton reads a function's source from its file, which for these is Python's cache of lines.
    name = f"<tidegate kernel {next(_COUNT)}>"
    linecache.cache[name] = (len(emitted.text), None, emitted.text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"triton": triton, "tl": tl, **_GIVEN}
    exec(compile(emitted.text, name, "exec"), space)  # our own text, made of numbers and of the names above
    return Compiled(space["kernel"], emitted.names, emitted.text)
