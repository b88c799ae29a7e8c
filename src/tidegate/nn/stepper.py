"""Run a module one step at a time: `Layered.stepper` returns a `Stepper`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tidegate.engine import Stepping, stepping
from tidegate.errors import ArgumentError
from tidegate.nn.types import StackedLayers, State


class Stepper:
    """Runs a module step by step: ``output = stepper(x)`` is h_t of the last layer; the state is carried along.

    Weights are packed and memory is allocated once. As in eval mode there is no dropout, and there are no gradients. If
    the weights change (by training, ``load_state_dict``, another cell, other parameters), the next step uses the new
    ones and keeps the state. Writes through ``.data``, or another view whose changes PyTorch does not count, are not
    noticed.

    Example:
        >>> import torch, tidegate
        >>> stepper = tidegate.nn.LSTM(8, 16).stepper(batch=2)
        >>> stepper(torch.randn(2, 8)).shape
        torch.Size([2, 16])

    Args:
        module: a module in one direction; the reverse direction would need future inputs.
        batch: B, the number of sequences.

    Raises:
        ArgumentError: the module is bidirectional, or batch is not positive.
    """

    def __init__(self, module: StackedLayers, batch: int = 1):
        if module.bidirectional:
            raise ArgumentError(
                "A bidirectional module cannot run step by step: its reverse direction needs the future."
            )
        if batch < 1:
            raise ArgumentError(f"batch must be at least 1, got {batch}.")
        self.module, self.batch = module, batch
        self._layers: list[Stepping] = []
        self._watched: list[tuple[dict[str, Any], str, Tensor, int, int]] = []
        self._build()

    def __repr__(self) -> str:
        return f"Stepper({self.module!r}, batch={self.batch})"

    def __call__(self, x: Tensor) -> Tensor:
        """Run one step.

        Args:
            x: (B, I), or (I,) for one sequence.

        Returns:
            The output (B, R), or (R,). The step after the next overwrites its memory: clone it to keep it.

        Raises:
            ArgumentError: the shape, dtype or device of x does not fit the weights.
        """
        if self._changed():
            self._build()
        like = self._like
        if x.shape != like.shape or x.dtype != like.dtype or x.device != like.device:
            if x.dim() == 1 and self.batch == 1:
                return self(x[None])[0]
            raise ArgumentError(
                f"A step needs an input of shape {tuple(like.shape)}, {like.dtype} on {like.device}; "
                f"got {tuple(x.shape)}, {x.dtype} on {x.device}."
            )
        for layer in self._layers:
            x = layer.step(x if x.is_contiguous() else x.contiguous())
        return x

    def reset(self, which: Tensor | None = None) -> None:
        """Set the state to zeros, for all sequences or for those selected by ``which``, (B,) bool."""
        for value in self._all_states():
            value[slice(None) if which is None else which] = 0

    @property
    def state(self) -> State:
        """A copy of the states (layers, B, ·) in the form of ``forward``'s ``hx``, in which they can also be set."""
        by_name = zip(*(layer.state for layer in self._layers), strict=True)
        states = tuple(torch.stack([s.detach() for s in values]) for values in by_name)
        return states[0] if len(states) == 1 else states

    @state.setter
    def state(self, value: State) -> None:
        given = (value,) if isinstance(value, Tensor) else tuple(value)
        own = self.state
        shapes = [tuple(s.shape) for s in ((own,) if isinstance(own, Tensor) else own)]
        if [tuple(s.shape) for s in given] != shapes:
            raise ArgumentError(f"The states have the shapes {shapes}, got {[tuple(s.shape) for s in given]}.")
        for k, layer in enumerate(self._layers):
            for target, source in zip(layer.state, given, strict=True):
                target.copy_(source[k].detach())

    def _all_states(self) -> Iterator[Tensor]:
        return (value for layer in self._layers for value in layer.state)

    @torch.no_grad()
    def _build(self) -> None:
        module, old = self.module, [[s.clone() for s in layer.state] for layer in self._layers]
        like = next(module.parameters())
        layers, x = [], like.new_zeros(self.batch, module.input_size)
        self._like = x
        for k in range(module.num_layers):
            weights = module.layer_weights(k, 0)
            layers.append(stepping(module.layer_cell(k), x, weights, old[k] if old else None, backend=module.backend))
            x = like.new_zeros(self.batch, module.output_size)
        self._layers, self._cells = layers, [module.layer_cell(k) for k in range(module.num_layers)]
        self._watched = [
            (own._parameters, name, p, p._version, p.data_ptr())
            for own in module.modules()
            for name, p in own._parameters.items()
            if p is not None
        ]

    def _changed(self) -> bool:
        for owner, name, p, version, address in self._watched:
            if owner.get(name) is not p or p._version != version or p.data_ptr() != address:
                return True
        return any(self.module.layer_cell(k) is not cell for k, cell in enumerate(self._cells))
