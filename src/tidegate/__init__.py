"""Recurrent neural networks in which every gate is open to view.

A cell is its equations, written once (`tidegate.cells`); `tidegate.engine.run` runs it over time; `tidegate.nn` has
drop-ins for ``torch.nn.RNN``, ``LSTM`` and ``GRU``, and `tidegate.nn.Recurrent` for every other cell.
Training, data and the command line are in `tidegate.train`, `tidegate.tasks`, `tidegate.data` and `tidegate.cli`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate import cells, engine, errors, nn
    from tidegate.cells import Cell, Step, cell
    from tidegate.engine import batch_invariant, run
    from tidegate.nn import summary, swap

__version__ = "0.1.0"
"""The version, as in the package's metadata."""

__all__ = [
    "Cell",
    "Step",
    "__version__",
    "batch_invariant",
    "cell",
    "cells",
    "engine",
    "errors",
    "nn",
    "run",
    "summary",
    "swap",
]

# Where each public name lives. They are imported on use, so that the command line answers before torch is loaded.
_HOMES = {
    "Cell": "cells",
    "Step": "cells",
    "cell": "cells",
    "batch_invariant": "engine",
    "run": "engine",
    "summary": "nn",
    "swap": "nn",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"tidegate.{_HOMES[name]}"), name)
    if name in __all__ or name in ("export", "convert"):  # which cannot be imported above: they import this
        return importlib.import_module(f"tidegate.{name}")
    raise AttributeError(f"module 'tidegate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
