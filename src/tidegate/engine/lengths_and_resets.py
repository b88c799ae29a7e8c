"""Lengths and resets as tensors, in whatever form they were given: tensor, NumPy array, list or tuple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.io.wording import quoted

Lengths = Tensor | np.ndarray | Sequence[int]
Resets = Tensor | np.ndarray | Sequence[bool] | Sequence[Sequence[bool]]


def as_lengths(given: Any, device: torch.device) -> Tensor:
    """Return lengths of any integer type as int64, in which no sum of them overflows.

    Raises:
        ArgumentError: they are not whole numbers.
    """
    found = _as_tensor(given, device)
    wrong = found is None or found.is_floating_point() or found.is_complex() or found.dtype == torch.bool
    # Python counts True as 1, but a list of flags is no list of lengths.
    if wrong or (isinstance(given, list | tuple) and any(isinstance(it, bool | np.bool_) for it in given)):
        raise ArgumentError(f"lengths must be whole numbers, one for each sequence; given {_described(given, found)}.")
    assert found is not None
    return found.to(torch.int64)


def as_reset(given: Any, device: torch.device) -> Tensor:
    """Return resets as a tensor of bool.

    Raises:
        ArgumentError: they are not bool.
    """
    found = _as_tensor(given, device)
    if found is not None and found.numel() == 0:
        found = found.bool()
    if found is None or found.dtype != torch.bool:
        raise ArgumentError(
            f"reset must be bool, one for each step of each sequence; given {_described(given, found)}."
        )
    return found


def _as_tensor(given: Any, device: torch.device) -> Tensor | None:
    """Return a tensor of what was given; an empty list is int64. None if it is no array of numbers."""
    if isinstance(given, Tensor):
        return given.to(device)
    if isinstance(given, list | tuple) and not given:
        return torch.zeros(0, dtype=torch.int64, device=device)
    if isinstance(given, np.ndarray) and torch.compiler.is_compiling():  # it is a tensor already
        return torch.as_tensor(given, device=device)
    try:
        if hasattr(given, "__array__") and not isinstance(given, np.ndarray):  # a column of a table, say
            given = np.asarray(given)
        if isinstance(given, np.ndarray) and not given.dtype.isnative:
            given = given.astype(given.dtype.newbyteorder("="))
        return torch.tensor(given, device=device)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def _described(given: Any, found: Tensor | None) -> str:
    if found is None:
        return f"{type(given).__name__} {quoted(given, 200)}"
    return f"{found.dtype} of shape {tuple(found.shape)}"
