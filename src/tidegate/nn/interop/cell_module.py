"""What all modules with a cell have in common: how PyTorch traces, scripts and pickles them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from torch import nn
from torch.fx import Proxy

from tidegate.cells import Cell
from tidegate.cells.plain_data import from_plain_data, to_plain_data
from tidegate.errors import BackendError
from tidegate.nn.interop.convert import to_torch


class CellModule(nn.Module):
    """A module that runs cells: one node for ``torch.fx``, refused by ``torch.jit.script``, pickled as plain data."""

    cell: Cell
    torch_class: ClassVar[type[nn.Module] | None] = None  # that computes the same

    def to_torch(self) -> nn.Module:
        """Return torch.nn's layer with a copy of the same weights: see `tidegate.nn.to_torch`.

        Raises:
            ArgumentError: there is no such layer in torch.nn.
        """
        return to_torch(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module; ``torch.fx.symbolic_trace`` records the call as one node, as it does for ``torch.nn``."""
        proxy = _first_proxy((*args, *kwargs.values()))
        if proxy is None:
            return super().__call__(*args, **kwargs)
        # Here and not in forward: hooks would run around it now, and again whenever the node runs.
        tracer: Any = proxy.tracer

        def node(*args: Any, **kwargs: Any) -> Any:
            return tracer.create_proxy("call_module", tracer.path_of_module(self), args, kwargs)

        return tracer.call_module(self, node, args, kwargs)

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse ``torch.jit.script``, which calls this first."""
        raise BackendError(
            f"torch.jit.script cannot compile tidegate.nn.{type(self).__name__}: use torch.export or torch.compile, or "
            "script tidegate.nn.to_torch(model), a copy with torch.nn's layers and the same state_dict."
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # pyright: ignore[reportArgumentType]
        state.pop("_kinds", None)  # what is known of earlier calls
        if "cell" in state:
            state["cell"] = _StoredCell(state["cell"])
        if "layer_cells" in state:
            state["layer_cells"] = {layer: _StoredCell(cell) for layer, cell in state["layer_cells"].items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "cell" in state:
            state["cell"] = _cell_of(state["cell"])
        if "layer_cells" in state:
            state["layer_cells"] = {layer: _cell_of(stored) for layer, stored in state["layer_cells"].items()}
        super().__setstate__(state)


class _StoredCell:
    """A cell in a module's state: copied as it is, but pickled as plain data.

    So loading with ``weights_only=True`` needs no function to be allowed, and what is loaded has the same equations.
    """

    def __init__(self, cell: Cell):
        self.cell = cell

    def __deepcopy__(self, memo: Any) -> _StoredCell:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, (list(to_plain_data(self.cell).items()),)  # a type that weights_only allows


def _cell_of(stored: _StoredCell | dict[str, Any]) -> Cell:
    return stored.cell if isinstance(stored, _StoredCell) else from_plain_data(stored)


def _first_proxy(values: Iterable[Any]) -> Proxy | None:
    for value in values:
        if isinstance(value, Proxy):
            return value
        if isinstance(value, tuple) and (found := _first_proxy(value)) is not None:
            return found
    return None
