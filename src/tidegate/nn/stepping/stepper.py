"""Run a module one step at a time: `Layered.stepper` returns a `Stepper`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from tidegate.engine import Stepping, stepping
from tidegate.engine.precision import computed_in
from tidegate.errors import ArgumentError
from tidegate.nn.exact_state import exact
from tidegate.nn.stack import narrowed, stacked
from tidegate.nn.step_masks import read_step_masks
from tidegate.nn.stepping.step_graphs import StepGraphs, on_gpu
from tidegate.nn.stepping.watched_tensors import WatchedTensors
from tidegate.nn.types import StackedLayers, State


class Stepper:
    """Runs a module step by step: ``output = stepper(x)`` is h_t of the last layer; the state is carried along.

    Weights are packed and memory is allocated once. As in eval mode there is no dropout, and there are no gradients. If
    the weights change (by training, ``load_state_dict``, another dtype, another cell, other parameters), the next step
    uses the new ones and keeps the state. Writes through ``.data``, or another view whose changes PyTorch does not
    count, are not noticed; nor are writes to weights made under ``torch.inference_mode``, except by
    ``load_state_dict``. In half precision the state is in float32.

    On a GPU a step without masks is captured in CUDA graphs at the second and the third call, and replayed from then
    on. While a CUDA graph of the caller's own is captured, steps become a part of it. What is captured keeps PyTorch's
    settings of that time (such as the precision of products in float32) until the weights change.

    A copy (``copy.copy``, ``copy.deepcopy``, pickle) has a state of its own.

    Example:
        >>> import torch, tidegate
        >>> stepper = tidegate.nn.LSTM(8, 16).stepper(batch=2)
        >>> stepper(torch.randn(2, 8)).shape
        torch.Size([2, 16])

    Args:
        module: a module in one direction; the reverse direction would need future inputs.
        batch: B, the number of sequences.
        copy: whether each output is a tensor of its own. If False, a step allocates no memory: an output is overwritten
            by the step after the next.
        weights: None, or "int8": each row of each weight matrix is rounded to whole numbers from -127 to 127 times a
            scale, max |w| / 127. Input, states, biases and sums are as without, so a step is, up to float rounding,
            that of a module whose matrices are ``scale * (w / scale).round()``. A step of one sequence is bound by
            reading the weights, and reads a quarter of the bytes. Only on the CPU kernels.

    Raises:
        ArgumentError: the module is bidirectional, batch is not positive, or weights to be rounded are not finite.
        BackendError: weights are to be rounded, and the CPU kernels cannot run the module.
    """

    def __init__(
        self, module: StackedLayers, batch: int = 1, *, copy: bool = True, weights: Literal["int8"] | None = None
    ):
        if module.bidirectional:
            raise ArgumentError(
                "A bidirectional module cannot run step by step: its reverse direction needs the future."
            )
        if batch < 1:
            raise ArgumentError(f"batch must be at least 1, got {batch}.")
        if weights not in (None, "int8"):
            raise ArgumentError(f"weights must be 'int8', or None for the weights as they are; got {weights!r}.")
        self.module, self.batch, self.copy, self.weights = module, batch, copy, weights
        self._layers: list[Stepping] = []
        self._step: Callable[[Tensor], Tensor]
        self._required: tuple[str, ...] = ()
        self._build()

    def __repr__(self) -> str:
        rounded = f", weights={self.weights!r}" if self.weights else ""
        return f"Stepper({self.module!r}, batch={self.batch}{rounded})"

    def __call__(self, x: Tensor, *, masks: Mapping[str, Tensor] | None = None) -> Tensor:
        """Run one step.

        Args:
            x: (B, I), or (I,) for one sequence.
            masks: the masks of the cell by name, for every layer whose cell has them: (B, H), or (B,) with one number
                for all hidden units; for one sequence (H,) or (). Those with default values may be left out.

        Returns:
            The output (B, R), or (R,).

        Raises:
            ArgumentError: the shape, dtype or device of x does not fit the weights, or that of a mask does not fit x,
                or a mask is missing.
        """
        if self._watched.changed():
            self._build()
        like = self._like
        if x.shape != like.shape or x.dtype != like.dtype or x.device != like.device:
            if x.dim() == 1 and self.batch == 1:
                return self(x[None], masks=masks and {name: mask[None] for name, mask in masks.items()})[0]
            raise ArgumentError(
                f"A step needs an input of shape {tuple(like.shape)}, {like.dtype} on {like.device}; "
                f"got {tuple(x.shape)}, {x.dtype} on {x.device}."
            )
        if masks or self._required:
            given = read_step_masks(self.module, masks or {}, self._required, like)
            for k, (layer, cell) in enumerate(zip(self._layers, self._watched.cells, strict=True)):
                size = self.module.layer_size(k)
                own = {name: narrowed(given[name], size) for name in cell.masks if name in given}
                x = layer.step(x if x.is_contiguous() else x.contiguous(), own)
        else:
            x = self._step(x)
        return x.clone() if self.copy else x

    def reset(self, which: Tensor | Sequence[bool] | Sequence[int] | None = None) -> None:
        """Set the state to zeros (or to the learned initial state), for all sequences or for some of them.

        Args:
            which: (B,) flags, bool or 0 and 1: the sequences that begin anew.

        Raises:
            ArgumentError: there is not one flag for each sequence, or one is neither 0 nor 1.
        """
        flags = None if which is None else self._flags(which)
        with torch.no_grad():
            first = self.module.initial_state(self.batch)
            for k, layer in enumerate(self._layers):
                for n, value in enumerate(layer.state):
                    begin = value.new_zeros(()) if first is None else narrowed(first[n][k], value.shape[-1])
                    begin = begin.to(value.dtype)
                    value.copy_(begin if flags is None else torch.where(flags[:, None], begin, value))

    @property
    def state(self) -> State:
        """A copy of the states (layers, B, ·) in the form of ``forward``'s ``hx``, in which they can also be set."""
        by_name = zip(*(layer.state for layer in self._layers), strict=True)
        states = tuple(stacked([s.detach() for s in values]) for values in by_name)
        return states[0] if len(states) == 1 else states

    @state.setter
    def state(self, value: State) -> None:
        given = (value,) if isinstance(value, Tensor) else tuple(value)
        by_name = zip(*(layer.state for layer in self._layers), strict=True)
        shapes = [(len(self._layers), *max(tuple(s.shape) for s in values)) for values in by_name]
        if [tuple(s.shape) for s in given] != shapes:
            raise ArgumentError(f"The states have the shapes {shapes}, got {[tuple(s.shape) for s in given]}.")
        given = tuple(exact(s.detach()) for s in given)
        with torch.no_grad():
            for k, layer in enumerate(self._layers):
                for target, source in zip(layer.state, given, strict=True):
                    target.copy_(narrowed(source[k], target.shape[-1]))

    def __getstate__(self) -> dict[str, Any]:
        options = {"copy": self.copy, "weights": self.weights}
        return {"module": self.module, "batch": self.batch, **options, "state": self.state}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        state = kept.pop("state")
        self.__init__(kept.pop("module"), kept.pop("batch"), **kept)
        self.state = state

    def _flags(self, which: Any) -> Tensor:
        flags = torch.as_tensor(which)
        whole = not flags.is_floating_point() and not flags.is_complex()
        if flags.shape != (self.batch,) or not whole or bool(((flags != 0) & (flags != 1)).any()):
            raise ArgumentError(
                f"which must hold a flag for each of the {self.batch} sequences, bool or 0 and 1 "
                f"(not the numbers of sequences); given {flags.tolist()} of {flags.dtype}."
            )
        return flags.to(device=self._like.device, dtype=torch.bool)

    def _build(self) -> None:
        with torch.inference_mode(False), torch.no_grad():
            module, old = self.module, [[s.clone() for s in layer.state] for layer in self._layers]
            module.refresh_weights()
            like = next(module.parameters())
            required: dict[str, Tensor] = {}
            layers, x = [], torch.zeros(self.batch, module.input_size, dtype=like.dtype, device=like.device)
            self._like, dtype, first = x, computed_in([x]) or x.dtype, module.initial_state(self.batch)
            for k in range(module.num_layers):
                weights, size = module.packed_weights(k, 0), module.layer_size(k)
                begin = old[k] if old else None if first is None else [narrowed(s[k], size) for s in first]
                state = None if begin is None else [s.to(device=like.device, dtype=dtype) for s in begin]
                cell = module.layer_cell(k)
                own = [name for name in cell.masks if name not in cell.mask_defaults]
                unset = dict.fromkeys(own, x.new_zeros(self.batch, size))
                how: dict[str, Any] = {"backend": module.backend, "int8": self.weights == "int8"}
                layers.append(stepping(cell, x, weights, state, masks=unset, **how))
                required.update(unset)
                x = x.new_zeros(self.batch, module.layer_output_size(k))
            self._layers = layers
            eager = partial(_run, layers)
            self._step = StepGraphs(eager, self._like) if on_gpu(self._like) else eager
            self._required = tuple(required)
            self._watched = WatchedTensors(module)


def _run(layers: Sequence[Stepping], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer.step(x if x.is_contiguous() else x.contiguous())
    return x
