"""Short reprs of results: what differs from the default, and of large values only the kind and size."""

import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any


def brief_repr(self: Any) -> str:
    """Return the repr of a dataclass on one line, ``Trace(output=Tensor(3, 20, 16), ...)``.

    Fields that have their default value are left out. For use as ``__repr__ = brief_repr``.
    """
    shown = [
        f"{it.name}={brief(value)}"
        for it in fields(self)
        if it.repr and not _is_default(it, value := getattr(self, it.name))
    ]
    return f"{type(self).__name__}({', '.join(shown)})"


def brief(value: Any) -> str:
    """Return a short repr on one line; for arrays, tensors and modules what they are, without their content."""
    return _SHORT.repr(value)


def _is_default(it: Field[Any], value: Any) -> bool:
    default = it.default_factory() if it.default_factory is not MISSING else it.default
    return type(value) is type(default) and not hasattr(value, "shape") and bool(value == default)


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, 60, 200

    def repr1(self, x: Any, level: int) -> str:
        if hasattr(x, "shape") and hasattr(x, "dtype"):
            return f"{type(x).__name__}{tuple(x.shape)}"
        if isinstance(x, Mapping):
            return self.repr_dict(x, level)  # pyright: ignore[reportArgumentType]
        text = super().repr1(x, level)
        return text if "\n" not in text else f"{type(x).__name__}(...)"


_SHORT = _Short()
