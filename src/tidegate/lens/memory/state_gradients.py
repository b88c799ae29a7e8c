"""The gradient of any loss with respect to every state of every layer at every step.

The gradient with respect to a state is the *total* derivative: the loss as a function of that value, everything that is
computed from it, in its own step (the LSTM's h_t from c_t, the layer above) and in all later ones. This is the
δ of backpropagation through time (Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.engine import run
from tidegate.errors import ArgumentError
from tidegate.lens.record.trace import Place
from tidegate.nn.layered import Layered, State
from tidegate.nn.stack import narrowed


@dataclass(frozen=True)
class StateGradients:
    """The gradients of B losses with respect to every state.

    Attributes:
        losses: (B,), or a scalar if the loss was given as a sum.
        values: for each (layer, direction) and state by name, dL_b / d state[t, b] as (T, B, H), detached.
    """

    losses: Tensor
    values: Mapping[Place, Mapping[str, Tensor]]

    __repr__ = brief_repr

    def __getitem__(self, place: Place) -> Mapping[str, Tensor]:
        return self.values[place]

    def norms(self) -> dict[tuple[Place, str], NDArray[np.float64]]:
        """Return for each (layer, direction) and state the Euclidean norm over the hidden units, (B, T)."""
        # In double: the squares of small 32-bit numbers vanish.
        return {
            (place, name): it.double().norm(dim=-1).t().cpu().numpy()
            for place, states in self.values.items()
            for name, it in states.items()
        }


def state_gradients(
    layer: Layered,
    inputs: Tensor,
    loss: Callable[[Tensor], Tensor],
    hx: State | None = None,
) -> StateGradients:
    """Return the gradient of a loss with respect to every state of every layer and direction at every step.

    The equations run on the reference, step by step, as in evaluation (no dropout, noise at its expectation). Several
    targets are one pass too: let each sequence of the batch hold one of them.

    Args:
        layer: any recurrent module of `tidegate.nn`; it is not changed.
        inputs: (T, B, I), time first even where the layer is batch first.
        loss: from the last layer's output (T, B, R * directions) to the losses of the sequences (B,), each of its own
            sequence's output alone, or to their sum.
        hx: the states before the first step, as the layer takes them (or a tuple of one state). Default: zeros.

    Raises:
        ArgumentError: a shape does not fit.

    Example:
        >>> import torch, tidegate
        >>> layer = tidegate.nn.LSTM(3, 5)
        >>> found = state_gradients(layer, torch.randn(7, 2, 3), lambda output: output[-1].sum(-1))
        >>> found.norms()[(0, 0), "c"].shape
        (2, 7)
    """
    if inputs.dim() != 3 or not len(inputs):
        raise ArgumentError(f"inputs should be (T, B, I) of at least one step, but are of shape {tuple(inputs.shape)}.")
    states: dict[tuple[int, int, str], list[Tensor]] = {}
    layer.refresh_weights()
    with torch.enable_grad():
        x = inputs.detach().requires_grad_()  # so that states have a graph where all weights are frozen
        for k in range(layer.num_layers):
            sides: list[Tensor] = []
            for direction in range(1 + layer.bidirectional):
                made = _steps(layer, x, k, direction, hx)
                states.update({(k, direction, name): values for name, values in made.items()})
                sides.append(torch.stack(made[layer.cell.states[0]]))
            x = torch.cat(sides, -1)
        losses = loss(x)
        if losses.numel() != 1 and losses.shape != inputs.shape[1:2]:
            raise ArgumentError(
                f"loss should give {inputs.shape[1]} losses, one for each sequence, or one sum; it gave a tensor of "
                f"shape {tuple(losses.shape)}."
            )
        every = [value for values in states.values() for value in values]
        found = iter(torch.autograd.grad(losses.sum(), every, materialize_grads=True))
    result: dict[Place, dict[str, Tensor]] = {}
    for (k, direction, name), values in states.items():
        result.setdefault((k, direction), {})[name] = torch.stack([next(found) for _ in values])
    return StateGradients(losses.detach(), result)


def _steps(layer: Layered, x: Tensor, k: int, direction: int, hx: State | None) -> dict[str, list[Tensor]]:
    """Return one layer's states after each step, as tensors that all later ones are computed from."""
    cell, weights = layer.layer_cell(k, direction), layer.layer_weights(k, direction)
    state: tuple[Tensor, ...] | None = None
    if hx is not None:
        every = (hx,) if isinstance(hx, Tensor) else hx
        state = tuple(narrowed(it[k * (1 + layer.bidirectional) + direction], layer.layer_size(k)) for it in every)
    made: list[tuple[Tensor, ...]] = []
    known: set[int] = set()  # of tensors in ``made``, which keeps them alive
    for t in range(len(x) - 1, -1, -1) if direction else range(len(x)):
        # The reference returns the very tensors that a step computed with, so the path from c_t to h_t counts. A tensor
        # that is passed on unchanged (from the previous step, or from the start) becomes a tensor of its own.
        own: list[Tensor] = []
        for value in run(cell, x[t : t + 1], weights, state, backend="reference").state:
            unchanged = id(value) in known or not value.requires_grad
            own.append(value.clone().requires_grad_() if unchanged else value)
            known.add(id(own[-1]))
        state = tuple(own)
        made.append(state)
    if direction:
        made.reverse()
    return {name: [it[n] for it in made] for n, name in enumerate(cell.states)}
