"""The loss of a window of contiguous streams by truncated backpropagation: see `tidegate.train.stretches`."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.text.corpus.streams import Window
from tidegate.text.feeding import feed
from tidegate.text.model import LanguageModel, State
from tidegate.train.config import Feeding
from tidegate.train.stretches import Stretch, read_window


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
    total: Tensor | None = None
    penalty: Tensor | None = None
    predictions = window.new * inputs.shape[0]

    def read(stretch: Stretch, carried: tuple[State, Tensor]) -> tuple[State, Tensor]:
        nonlocal total, penalty
        begin, end, counts = stretch
        fed = feed(
            model,
            inputs[:, begin:end],
            *carried,
            feeding=feeding,
            sampling_probability=sampling_probability,
        )
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
        return fed.state, fed.own

    length = inputs.shape[1]
    carried = read_window(read, (state, own), _detached, length=length, new=window.new, advance=window.advance, k2=k2)
    assert total is not None, "a window has at least one new position"
    return WindowLoss(total / predictions, *carried, penalty)


def _detached(carried: tuple[State, Tensor]) -> tuple[State, Tensor]:
    state, own = carried
    return tuple(part.detach() for part in state), own
