"""Tracing a module with `torch.export`, with every size free that can be."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.utils import _pytree as pytree

from tidegate.errors import ArgumentError
from tidegate.export.graph.modules import DROP_INS, as_ours


def program(module: nn.Module, *example: Any, **named: Any) -> ExportedProgram:
    """Trace a module of your own with ``torch.export``, for `tidegate.export.c` and the like.

    Sizes of 2 or more in the example are free where the module lets them be. ``torch.nn``'s recurrent layers, which
    ``torch.export`` holds to the example's number of steps, are traced as those of Tidegate, which compute the same.

    Args:
        module: any module; it is traced in evaluation.
        example: what it is called with: at least two steps.
        named: what it is called with, by name.

    Raises:
        ArgumentError: the example does not fit ``module.forward``.

    Example:
        >>> import torch, tidegate
        >>> model = torch.nn.GRU(3, 20, batch_first=True)
        >>> traced = tidegate.export.program(model, torch.randn(1, 8, 3))
    """
    memo: dict[int, Any] = {id(own): as_ours(own) for own in module.modules() if type(own) in DROP_INS}
    copied = copy.deepcopy(module, memo).eval()
    try:
        given = inspect.signature(copied.forward).bind(*example, **named).arguments
    except TypeError as error:
        raise ArgumentError(f"The example does not fit {type(module).__name__}.forward: {error}.") from None
    shapes = pytree.tree_map(_free, dict(given))
    return torch.export.export(copied, example, named, dynamic_shapes=shapes)


def _free(given: Any) -> Any:
    if not isinstance(given, Tensor):
        return None
    return {k: Dim.AUTO if size > 1 else Dim.STATIC for k, size in enumerate(given.shape)}
