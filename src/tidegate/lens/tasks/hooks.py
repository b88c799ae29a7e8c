"""Record the calls of a module while a model runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn


class Call(NamedTuple):
    """One call of a module.

    Attributes:
        args: its positional arguments.
        kwargs: its keyword arguments.
        output: its return value.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any


@contextmanager
def recorded_calls(module: nn.Module | None) -> Iterator[list[Call]]:
    """Collect a module's calls while the block runs; the list stays empty if there is no module."""
    calls: list[Call] = []
    if module is None:
        yield calls
        return

    def record(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        calls.append(Call(args, kwargs, output))

    hook = module.register_forward_hook(record, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()
