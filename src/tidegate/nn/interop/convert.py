"""From Tidegate's drop-ins back to ``torch.nn``, for tools that know torch's classes only."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from tidegate.cells import CELLS, Cell, projected
from tidegate.errors import ArgumentError

OWN_ATTRIBUTES = (
    "cell",
    "layer_cells",
    "init",
    "forget_bias",
    "backend",
    "recompute",
    "times_loaded",
    "_kept",
    "_kinds",
)  # besides torch's


def to_torch(model: nn.Module) -> nn.Module:
    """Copy a model, with torch.nn's layers in the place of Tidegate's drop-ins.

    The copy has the same parameter names, values, hooks and mode, and gives the same results, except for ``lengths=``
    and ``reset=``, which torch's layers do not take. Use it for tools that need torch's own classes, such as
    ``torch.jit.script``, ``torch.onnx.export`` and ``quantize_dynamic``.

    Args:
        model: a drop-in or any module that contains some.

    Raises:
        ArgumentError: a module of Tidegate in it has no counterpart in torch.nn.

    Example:
        >>> import torch, tidegate
        >>> tidegate.nn.to_torch(torch.nn.Sequential(tidegate.nn.LSTM(8, 16)))
        Sequential(
          (0): LSTM(8, 16)
        )
    """
    memo: dict[int, Any] = {}  # what is copied already, by identity, so that shared parameters stay shared
    for name, module in model.named_modules():
        if hasattr(type(module), "torch_class"):
            memo[id(module)] = _counterpart(name, module, memo)
    return copy.deepcopy(model, memo)


def _counterpart(name: str, module: Any, memo: dict[int, Any]) -> nn.Module:
    what = f"tidegate.nn.{type(module).__name__}" + (f" (at {name!r})" if name else "")
    counterpart = vars(type(module)).get("torch_class")  # not inherited: a subclass may compute something else
    if counterpart is None:
        raise ArgumentError(
            f"{what} has no counterpart in torch.nn: only RNN, LSTM, GRU and their cells have one, without "
            "parametrizations (torch.nn.utils.parametrize.remove_parametrizations)."
        )
    cells = {module.cell.digest, *(cell.digest for cell in getattr(module, "layer_cells", {}).values())}
    if cells != {_cell_of_torch(module).digest}:
        raise ArgumentError(f"{what} runs another cell than its counterpart in torch.nn: {module.cell.name}.")
    made = counterpart.__new__(counterpart)
    own = {key: value for key, value in module.__getstate__().items() if key not in OWN_ATTRIBUTES}
    made.__setstate__(copy.deepcopy(own, memo))
    return made


def _cell_of_torch(module: Any) -> Cell:
    kind = type(module).__name__.removesuffix("Cell").lower()
    cell = CELLS[f"rnn_{module.nonlinearity}" if kind == "rnn" else kind]
    return projected(cell) if getattr(module, "proj_size", 0) else cell
