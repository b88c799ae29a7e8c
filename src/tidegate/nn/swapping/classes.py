"""One module changed in place from torch.nn's class to Tidegate's, and back."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from tidegate.engine import Backend
from tidegate.nn.dropin import GRU, LSTM, RNN
from tidegate.nn.interop.cell_module import CellModule
from tidegate.nn.interop.convert import OWN_ATTRIBUTES
from tidegate.nn.layered import by_name
from tidegate.nn.step_cells import GRUCell, LSTMCell, RNNCell

PAIRS: dict[type[nn.Module], type[CellModule]] = {
    nn.LSTM: LSTM,
    nn.GRU: GRU,
    nn.RNN: RNN,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
    nn.RNNCell: RNNCell,
}
NAMES = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


def is_recurrent(module: nn.Module) -> bool:
    """Whether a module is a recurrent layer or cell of PyTorch, by its class, a base of it, or its name.

    A model that only has such a name, and holds layers of torch.nn, is not one.
    """
    if isinstance(module, CellModule):
        return False
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return True
    return _name(module) in NAMES and not any(_plain_class(it) in PAIRS for it in module.modules())


def why_not(module: nn.Module) -> str:
    """Return why a recurrent module cannot be exchanged; empty if it can."""
    kind = _plain_class(module)
    if kind not in PAIRS:
        base = next((it for it in PAIRS if issubclass(kind, it)), None)
        if base is not None:
            return f"a subclass of torch.nn.{base.__name__}, which may compute something else"
        return f"{kind.__module__}.{kind.__qualname__} is not a layer of torch.nn"
    if "forward" in vars(module):
        return "its forward was exchanged"
    return ""


def to_tidegate(module: nn.Module, backend: str | Backend | None = None) -> None:
    """Change the class of a module to Tidegate's. Everything that it holds stays: parameters, hooks, mode, names."""
    given: Any = module
    _set_class(module, PAIRS[_plain_class(module)])
    if isinstance(given, LSTM | GRU | RNN):
        options = dict(init="torch", forget_bias=None, backend=by_name(backend), recompute=False)
        module.__dict__.update(options, cell=given.own_cell())
    elif isinstance(given, RNNCell):
        module.__dict__["cell"] = RNNCell.cell_of(given.nonlinearity)


def to_torch_again(module: nn.Module) -> None:
    """Change it back."""
    kind = _plain_class(module)
    _set_class(module, next(torchs for torchs, ours in PAIRS.items() if ours is kind))
    for name in OWN_ATTRIBUTES:
        module.__dict__.pop(name, None)


def _plain_class(module: nn.Module) -> type[nn.Module]:
    """Return the class of a module, without that which parametrizations have put before it."""
    kind = type(module)
    return kind.__bases__[0] if parametrize.is_parametrized(module) else kind


def _set_class(module: nn.Module, kind: type[nn.Module]) -> None:
    if parametrize.is_parametrized(module):  # its class has a property for each parametrized weight
        own = {name: value for name, value in vars(type(module)).items() if name not in ("__dict__", "__weakref__")}
        kind = type(f"Parametrized{kind.__name__}", (kind,), own)
    module.__class__ = kind  # pyright: ignore[reportAttributeAccessIssue]


def _name(module: nn.Module) -> str:
    """Return the name of a module's class; of a scripted module that of the class before."""
    return getattr(module, "original_name", type(module).__name__)
