"""Note launches instead of running them: see `noted_launches.py`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Noted(NamedTuple):
    """A launch that was noted.

    Attributes:
        function: the compiled function.
        table: its arguments.
        parts: how many parts its work has.
        keep_alive: what the addresses among the arguments belong to.
    """

    function: Any
    table: Any
    parts: int
    keep_alive: object


class _Noting(threading.local):
    launches: list[Noted] | None = None


_NOTING = _Noting()


def launches() -> list[Noted] | None:
    """Return the list to which this thread's launches are to be added; None if they are to be run."""
    return _NOTING.launches


@contextmanager
def running() -> Iterator[None]:
    """Within the context, run this thread's launches of kernels, also inside `noting`."""
    outer, _NOTING.launches = _NOTING.launches, None
    try:
        yield
    finally:
        _NOTING.launches = outer


@contextmanager
def noting() -> Iterator[list[Noted]]:
    """Within the context, note this thread's launches of kernels in a list and run none of them."""
    outer, _NOTING.launches = _NOTING.launches, []
    try:
        yield _NOTING.launches
    finally:
        _NOTING.launches = outer


ALLOCATES = {"empty", "empty_like", "new_empty", "set_"}
VIEWS = {
    "alias",
    "as_strided",
    "detach",
    "expand",
    "permute",
    "select",
    "set_",
    "slice",
    "split",
    "t",
    "transpose",
    "view",
}


class OnlyLaunches(TorchDispatchMode):
    """Within the context, find out whether anything but launches computes.

    Attributes:
        zeroed: tensors that were set to zero, which a replay has to do again.
        others: the names of operators that computed something, which a replay would leave out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.zeroed: list[Tensor] = []
        self.others: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        name = func.overloadpacket.__name__
        if name == "zero_":
            self.zeroed.append(args[0])
        elif name not in ALLOCATES and name not in VIEWS:
            self.others.add(name)
        return func(*args, **(kwargs or {}))
