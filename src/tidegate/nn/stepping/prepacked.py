"""Layers that keep their weights in the order in which kernels read them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from tidegate.engine import Weights
from tidegate.engine.packed import Packed
from tidegate.errors import ArgumentError
from tidegate.nn.stepping.prepared_stack import KeptLayers, PreparedStack, comes_again
from tidegate.nn.stepping.watched_tensors import WatchedTensors

M = TypeVar("M", bound=nn.Module)
Self = TypeVar("Self", bound="Prepacked")


class Prepacked:
    """What `tidegate.nn.Layered` has for weights that are packed once."""

    training: bool
    _kept: _Kept | None = None

    def prepack(self: Self, keep: bool = True) -> Self:
        """Keep the weights as the CPU kernels pack them, so that a call need not pack them again.

        It pays for calls of few steps. Packed weights are used in eval mode where no gradient is recorded, and by
        steppers. Training is as before, and so are parameters, ``state_dict`` and results, to the bit. They take the
        memory of the weights once more for each of the few kernels that calls use.

        If the weights change (by an optimizer, ``load_state_dict``, another dtype, other parameters), the next call
        packs the new ones. Writes through ``.data``, or another view whose changes PyTorch does not count, are not
        noticed, nor are writes to weights made under ``torch.inference_mode``, except by ``load_state_dict``: call
        this again after them. Any number of threads may call the layer at the same time.

        Example:
            >>> import torch, tidegate
            >>> layer = tidegate.nn.LSTM(8, 16).eval().prepack()
            >>> with torch.inference_mode():
            ...     output, state = layer(torch.randn(5, 1, 8))

        Args:
            keep: False drops what is kept.

        Returns:
            The layer itself.
        """
        self._kept = _Kept() if keep else None
        return self

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction."""
        raise NotImplementedError

    def packed_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction, with what kernels have packed of them if it is kept."""
        weights = self.layer_weights(layer, direction)
        if self._kept is None or self.training or torch.compiler.is_compiling():
            return weights
        interpreters = torch._C._functorch.peek_interpreter_stack()  # pyright: ignore[reportAttributeAccessIssue]
        if torch._C._len_torch_dispatch_stack() or interpreters is not None:  # weights may be no tensors with memory
            return weights
        packed = self._kept.now(cast(KeptLayers, self)).packed
        place = layer, direction
        if place not in packed:
            packed.setdefault(place, Packed(weights.map(Tensor.detach)))
        return replace(weights, packed=packed[place])

    def _kept_run(self, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        """Run a call whose states `plain_states` returned, if its kind was prepared; None if `forward` has to do it."""
        if self._kept is None or self.training or torch.is_grad_enabled():
            return None
        return self._kept.run(cast(KeptLayers, self), input, states)


class _Kept:
    """What a module keeps until its weights change. A copy begins with nothing."""

    def __init__(self) -> None:
        self._now: _Now | None = None

    def __reduce__(self) -> tuple[type[_Kept], tuple[()]]:
        return _Kept, ()

    def now(self, module: KeptLayers) -> _Now:
        """Return what is kept of the weights as they are."""
        now = self._now
        if now is None or now.watched.changed():
            now = self._now = _Now(module)
        return now

    def run(self, module: KeptLayers, input: Tensor, states: tuple[Tensor, ...]) -> tuple[Any, Any] | None:
        runs = self.now(module).runs
        key = input.shape, input.dtype, tuple([s.shape for s in states]), module.batch_first, module.backend
        if not comes_again(runs, key):  # prepared when it comes the second time
            return None
        made = runs[key]
        if made is None:
            made = runs[key] = PreparedStack(module, input, states)
        return made(input, states)


class _Now:
    """What is kept of a module's weights as they are now: packed weights by place, prepared runs by kind."""

    def __init__(self, module: KeptLayers):
        self.watched = WatchedTensors(module)
        self.packed: dict[tuple[int, int], Packed[Weights]] = {}
        self.runs: dict[Hashable, PreparedStack | None] = {}


def prepack(model: M, keep: bool = True) -> M:
    """Call `Layered.prepack` of all recurrent layers of a model, and return the model.

    Args:
        model: a module with recurrent layers of Tidegate in it.
        keep: False drops what is kept.

    Raises:
        ArgumentError: it has no such layers.
    """
    layers = [it for it in model.modules() if isinstance(it, Prepacked)]
    if not layers:
        raise ArgumentError(f"{type(model).__name__} has no recurrent layers of Tidegate whose weights can be packed.")
    for layer in layers:
        layer.prepack(keep)
    return model
