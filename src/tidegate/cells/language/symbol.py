"""What the arguments of a step and their values have in common while it is traced: all that may not be done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from torch import Tensor
from torch.overrides import resolve_name

from tidegate.cells.language.alternatives import (
    ARRAY,
    CONDITION,
    IN_PLACE,
    LANGUAGE,
    PARTS,
    POWER,
    PRODUCT,
    VALUES,
    instead_of,
)
from tidegate.errors import CellError


class NoSuchAttributeError(CellError, AttributeError):
    """A symbol has no such attribute; also an AttributeError, so that `hasattr` works."""


def _no(written: str, advice: str) -> Callable[..., Any]:
    def method(self: Symbol, *_: Any, **__: Any) -> NoReturn:
        self.refuse(written, advice)

    return method


class Symbol:
    """The base of symbols. Subclasses define the operations that they have; every other one is refused.

    Python's, NumPy's and PyTorch's protocols all end here, so nothing can be computed past the trace.
    """

    __hash__ = object.__hash__  # a symbol is equal to itself only; == is refused, since it would decide nothing else

    __add__ = __radd__ = _no("+", LANGUAGE)
    __sub__ = __rsub__ = __neg__ = _no("-", LANGUAGE)
    __mul__ = __rmul__ = _no("*", LANGUAGE)
    __truediv__ = __rtruediv__ = _no("/", LANGUAGE)
    __pos__ = _no("unary +", "leave it out.")
    __mod__ = __rmod__ = _no("%", LANGUAGE)
    __floordiv__ = __rfloordiv__ = _no("//", LANGUAGE)
    __divmod__ = __rdivmod__ = _no("divmod()", LANGUAGE)
    __pow__ = __rpow__ = _no("**", POWER)
    __matmul__ = __rmatmul__ = _no("@", PRODUCT)
    __and__ = __rand__ = _no("&", CONDITION)
    __or__ = __ror__ = _no("|", CONDITION)
    __xor__ = __rxor__ = _no("^", POWER)
    __invert__ = _no("~", "write 1 - v for the complement of a gate.")
    __lshift__ = __rlshift__ = _no("<<", LANGUAGE)
    __rshift__ = __rrshift__ = _no(">>", LANGUAGE)
    __eq__ = _no("==", CONDITION)
    __ne__ = _no("!=", CONDITION)
    __lt__ = _no("<", CONDITION)
    __le__ = _no("<=", CONDITION)
    __gt__ = _no(">", CONDITION)
    __ge__ = _no(">=", CONDITION)
    __bool__ = _no("a test by if, and, or, not", CONDITION)
    __contains__ = _no("in", CONDITION)

    __iadd__ = _no("+=", IN_PLACE.format("+"))
    __isub__ = _no("-=", IN_PLACE.format("-"))
    __imul__ = _no("*=", IN_PLACE.format("*"))
    __itruediv__ = _no("/=", IN_PLACE.format("/"))
    __ipow__ = _no("**=", POWER)
    __imatmul__ = _no("@=", PRODUCT)

    __abs__ = _no("abs()", instead_of("abs"))
    __round__ = _no("round()", LANGUAGE)
    __floor__ = _no("floor()", LANGUAGE)
    __ceil__ = _no("ceil()", LANGUAGE)
    __trunc__ = _no("trunc()", LANGUAGE)
    __float__ = _no("float(), or a function of Python's math,", VALUES)
    __int__ = _no("int()", VALUES)
    __complex__ = _no("complex()", VALUES)
    __index__ = _no("use as an index or in range()", VALUES)
    __array__ = _no("a NumPy array of it", VALUES)

    __len__ = _no("len()", PARTS)
    __iter__ = __reversed__ = __next__ = _no("iteration (a for loop, sum(), unpacking)", PARTS)
    __getitem__ = _no("an index", PARTS)
    __setitem__ = __delitem__ = _no("an assignment to an index", PARTS)
    __call__ = _no("a call", "write * for a product.")
    __enter__ = __exit__ = _no("with", LANGUAGE)

    def refuse(self, written: str, advice: str) -> NoReturn:
        """Refuse what was written."""
        raise CellError(f"{written} is not in the cell language: {advice}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # a protocol that symbols do not have
            raise AttributeError(name)
        raise NoSuchAttributeError(f".{name} is not in the cell language: {instead_of(name)}")

    def __format__(self, spec: str) -> str:
        if spec:
            self.refuse(f"the format {spec!r}", VALUES)
        return str(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        operator = _OPERATORS.get(ufunc.__name__) if method == "__call__" and len(given) == 2 else None
        if operator and isinstance(given[0], np.number):  # np.float32(0.5) * v: NumPy asks before Python does
            return getattr(self, operator)(given[0])
        if any(isinstance(it, np.ndarray) for it in given):
            return self.refuse("a NumPy array", ARRAY)
        return self.refuse(f"numpy.{ufunc.__name__}", instead_of(ufunc.__name__))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        self.refuse(f"numpy.{func.__name__}", instead_of(func.__name__))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        given = [*args, *(kwargs or {}).values()]
        symbol = next((it for it in given if isinstance(it, Symbol)), Symbol())
        full = resolve_name(func) or f"torch.{getattr(func, '__name__', func)}"
        name = full.rpartition(".")[2]
        if name.strip("_").removeprefix("r").removeprefix("true") in _ARITHMETIC and any(
            isinstance(it, Tensor) for it in given
        ):
            symbol.refuse("a tensor", ARRAY)
        symbol.refuse(full, instead_of(name))


_ARITHMETIC = ("add", "sub", "mul", "div")
# NumPy's scalars on the left of an operator: the symbol's own operator for it.
_OPERATORS = {"add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__"}
