"""Watch a module while a model runs: what went into it and what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn


class Call(NamedTuple):
    """One call of a module.

    Attributes:
        args: what it was given.
        kwargs: what it was given by name.
        output: what it returned.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any


@contextmanager
def watched(module: nn.Module | None) -> Iterator[list[Call]]:
    """A list of a module's calls, filled while the block runs; it stays empty if there is no module."""
    calls: list[Call] = []
    if module is None:
        yield calls
        return

    def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        calls.append(Call(args, kwargs, output))

    hook = module.register_forward_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()
