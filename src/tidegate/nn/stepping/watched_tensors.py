"""Whether what a module computes with has changed: the tensors its weights are made of, and its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import is_
from typing import Any, NamedTuple

from torch import Tensor

from tidegate.nn.types import StackedLayers

FLAT = "_flat_weights"  # the list from which torch's layers read their weights


class WatchedTensors:
    """All tensors of a module and the cells of its layers, as they are when this is made.

    Attributes:
        cells: the cells of the forward direction, layer by layer.
    """

    def __init__(self, module: StackedLayers):
        self._watched, self._lists = [*_watched(module)], [*_lists(module)]
        self._module, self._loaded = module, module.times_loaded
        self.cells = [module.layer_cell(k) for k in range(module.num_layers)]
        reverse = range(module.num_layers if module.bidirectional else 0)
        self._cells = [*((k, 0, cell) for k, cell in enumerate(self.cells))]
        self._cells += [(k, 1, module.layer_cell(k, 1)) for k in reverse]

    def changed(self) -> bool:
        """Whether one has been written to, or another has taken its place."""
        module = self._module
        if module.times_loaded != self._loaded or any(module.layer_cell(k, d) is not c for k, d, c in self._cells):
            return True
        for owner, key, tensor, version, address in self._watched:
            if owner.get(key) is not tensor or _version(tensor) != version or tensor.data_ptr() != address:
                return True
        for owner, key, listed, tensors in self._lists:
            if owner.get(key) is not listed or len(listed) != len(tensors) or not all(map(is_, listed, tensors)):
                return True
        return False


class _Watched(NamedTuple):
    """A tensor that weights are made of: where it is, and what changes if it is written to."""

    owner: Mapping[str, Any]
    key: str
    tensor: Tensor
    version: int
    address: int


class _List(NamedTuple):
    """A list of tensors that weights are made of: where it is, and what it holds."""

    owner: Mapping[str, Any]
    key: str
    listed: list[Any]
    tensors: list[Any]


def _watched(module: StackedLayers) -> Iterator[_Watched]:
    """Iterate over all tensors of a module.

    They are parameters, buffers, attributes, as which hooks set weights, and those in torch's list of weights.
    """
    for own in module.modules():
        known = {id(t) for t in own._parameters.values()}
        listed = {str(k): t for k, t in enumerate(own.__dict__.get(FLAT, ())) if id(t) not in known}
        for owner in (own._parameters, own._buffers, own.__dict__, listed):
            for key, tensor in owner.items():
                if isinstance(tensor, Tensor):
                    yield _Watched(owner, key, tensor, _version(tensor), tensor.data_ptr())


def _lists(module: StackedLayers) -> Iterator[_List]:
    for own in module.modules():
        if isinstance(listed := own.__dict__.get(FLAT), list):
            yield _List(own.__dict__, FLAT, listed, [*listed])


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version
