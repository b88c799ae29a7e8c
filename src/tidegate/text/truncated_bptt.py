"""Truncated backpropagation through time over one window of contiguous streams (Williams & Peng 1990).

A step is taken every k1 positions, its gradient going back over k2. The state is carried from window to window and
detached, so the values are those of one unbroken run and only the gradient is cut.

* k2 = k1: windows follow one another end to end.
* k2 > k1: a window begins k2 - k1 positions before the last one ended. The detached state where the next window begins
  is saved; only new positions count in the loss.
* k2 < k1: the gradient is cut every k2 positions inside the window.
"""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.text.corpus.streams import Window
from tidegate.text.feeding import feed
from tidegate.text.model import LanguageModel, State
from tidegate.train.config import Feeding


class WindowLoss(NamedTuple):
    """The outcome of a window.

    Attributes:
        mean: the mean cross-entropy over the new positions, a differentiable scalar.
        state: for the next window, detached.
        own: the prediction of the next window's first input.
        penalty: what is added to the mean for the gradient; None if nothing is.
    """

    mean: Tensor
    state: State
    own: Tensor
    penalty: Tensor | None


def window_loss(
    model: LanguageModel,
    window: Window,
    state: State,
    own: Tensor,
    *,
    k2: int,
    feeding: Feeding = "teacher",
    sampling_probability: float = 0.0,
) -> WindowLoss:
    """Compute the mean cross-entropy over a window's new positions.

    Args:
        model: the model.
        window: inputs and targets (B, L), the number of new positions, and where the next window begins.
        state: the state before the window's first position, detached.
        own: (B,), the model's prediction of the first input, see `tidegate.text.feeding.feed`.
        k2: how far the gradient goes back.
        feeding: teacher, greedy or sampled.
        sampling_probability: probability of feeding the model's own prediction.

    Returns:
        The loss, and state and prediction for the next window. With k2 > k1 positions seen before are run again with
        the current weights and new draws.
    """
    device = own.device
    inputs, targets = (torch.from_numpy(ids).to(device, non_blocking=True) for ids in (window.inputs, window.targets))
    length = inputs.shape[1]
    old = length - window.new
    carried = (state, own)
    total: Tensor | None = None
    penalty: Tensor | None = None
    predictions = window.new * inputs.shape[0]
    for begin, end in _stretches(length, old, window.advance, k2):
        counts = begin >= old
        fed = feed(
            model,
            inputs[:, begin:end],
            state,
            own,
            feeding=feeding,
            sampling_probability=sampling_probability,
        )
        state, own = fed.state, fed.own
        if counts:
            truth = targets[:, begin:end].t()  # time-major, as features and logits are
            if fed.logits is None:
                summed = model.output.nats(fed.features, truth, gradient=1 / predictions)
            else:
                summed = functional.cross_entropy(fed.logits.flatten(0, 1), truth.flatten(), reduction="sum")
            total = summed if total is None else total + summed
            if fed.penalty is not None:
                share = (end - begin) / window.new * fed.penalty
                penalty = share if penalty is None else penalty + share
        if end - old >= k2 and (end - old) % k2 == 0:
            state = _detached(state)
        if end == window.advance:
            carried = (_detached(state), own)
    assert total is not None, "a window has at least one new position"
    return WindowLoss(total / predictions, *carried, penalty)


def _stretches(length: int, old: int, advance: int, k2: int) -> list[tuple[int, int]]:
    """Cut [0, length) where the next window begins, where new positions begin, and every k2 new positions."""
    cuts = {0, old, advance, length, *range(old + k2, length, k2)}
    return list(itertools.pairwise(sorted(cuts)))


def _detached(state: State) -> State:
    return tuple(part.detach() for part in state)
