"""What the value of an option is called in help and in errors: N, FILE, TEXT, or its choices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

__all__ = ["value_name", "with_value_names"]

NAMES = {int: "N", float: "X", Path: "FILE", str: "TEXT"}


def value_name(kind: Any) -> str | None:
    """Return the name of an option's value by its type; None for a flag, which has no value."""
    if get_origin(kind) is Literal:
        choices = [str(it) for it in get_args(kind)]
        return "|".join(choices) if all(it.isalnum() for it in choices) else "MARK"
    if kind in NAMES:
        return NAMES[kind]
    inner = (value_name(it) for it in get_args(kind))
    return next((it for it in inner if it is not None), None)


def with_value_names(verb: Callable[..., None]) -> Callable[..., None]:
    """Name the values of a verb's options that its signature gives no name."""
    verb.__annotations__ = get_type_hints(verb, include_extras=True)  # typer reads them again, and finds these objects
    for hint in verb.__annotations__.values():
        if get_origin(hint) is Annotated:
            kind, how = get_args(hint)[:2]
            if how.metavar is None:
                how.metavar = value_name(kind)
    return verb
