"""Rows in ``torch.profiler`` that name the library and the cell."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from tidegate.cells import Cell


def profiled(cell: Cell, *, backward: bool = False) -> AbstractContextManager[object]:
    """Return a context whose time is a row ``tidegate::lstm`` or ``tidegate::lstm_backward``, if a profiler runs."""
    if torch.compiler.is_compiling() or not torch.autograd._profiler_enabled():  # pyright: ignore[reportPrivateImportUsage]
        return nullcontext()
    return torch.profiler.record_function(f"tidegate::{cell.name}{'_backward' if backward else ''}")
