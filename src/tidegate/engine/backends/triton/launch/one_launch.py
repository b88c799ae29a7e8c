"""One launch of a kernel, without Triton's search for what it has compiled.

For some 45 arguments by name a launch takes 26 us with it and 14 without. It looks at types, at whether an address is a
multiple of 16, and at whether a whole number is 1, or a multiple of 16. What Triton returned from the first launch of a
kind is kept by the same, and launched again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from tidegate.engine.backends.triton.emit.compiled import Compiled
from tidegate.engine.backends.triton.emit.kernel import CONSTANTS
from tidegate.engine.backends.triton.launch.tiles import interpreted


class OneLaunch(NamedTuple):
    """One launch of a kernel.

    Attributes:
        kernel: the kernel.
        grid: its programs: those that divide the hidden units, times those that divide the rows.
        arguments: tensors and whole numbers by the kernel's names, in its order.
        constants: its constants and Triton's options.
    """

    kernel: Compiled
    grid: tuple[int, int]
    arguments: dict[str, Any]
    constants: dict[str, Any]

    @property
    def given(self) -> dict[str, Any]:
        """Arguments, constants and options."""
        return self.arguments | self.constants

    def instead(self, old: Tensor, new: Tensor) -> OneLaunch:
        """Return the launch with another tensor wherever it has the old one."""
        changed = {name: new if value is old else value for name, value in self.arguments.items()}
        return self._replace(arguments=changed)

    def start(self, device: torch.device) -> None:
        """Launch it on a device, which is the current one."""
        if interpreted() or torch.version.hip:  # for ROCm Triton looks at the size of memory too
            self.kernel.function[self.grid](**self.given)
            return
        key = (device, *self.constants.values(), *[variant(value) for value in self.arguments.values()])
        compiled = self.kernel.found.get(key)
        if compiled is None:
            self.kernel.found[key] = self.kernel.function[self.grid](**self.given)
        else:
            compiled[(*self.grid, 1)](*self.arguments.values(), *[self.constants[name] for name in CONSTANTS])


def variant(argument: Tensor | int) -> tuple[object, ...]:
    """Return what Triton looks at of an argument."""
    if isinstance(argument, Tensor):
        return argument.dtype, argument.data_ptr() % 16 == 0
    return argument == 1, argument % 16 == 0, argument >= 1 << 31
