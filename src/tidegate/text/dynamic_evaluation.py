"""Dynamic evaluation: the model goes on learning from the text that it is evaluated on (Krause et al. 2018)."""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.nn.evaluating import evaluating
from tidegate.text.corpus.streams import Streams
from tidegate.text.model import LanguageModel
from tidegate.train.task import Evaluation

Rule = Literal["sgd", "rms"]
DEFAULTS: dict[Rule, tuple[float, float]] = {
    "sgd": (0.1, 0.001),
    "rms": (0.00005, 0.002),
}  # of rms: those of the authors' program
EPSILON = 2e-5
STREAMS = 100  # side by side where gradients of the training text are measured, as in the authors' program


@dataclass(frozen=True)
class DynamicEvaluation:
    """Settings of dynamic evaluation (Krause, Kahembwe, Murray & Renals 2018, sections 3 and 4).

    The text is read in segments. After segment i was predicted, with mean loss L_i, the parameters theta, which began
    as the trained ones theta_g, are changed::

        sgd:  theta <- theta - learning_rate grad L_i + decay (theta_g - theta)
        rms:  theta <- theta - learning_rate grad L_i / (R + 0.00002) + min(1, decay R / mean(R)) (theta_g - theta)

    where R, for each parameter, is the root of the mean square of its gradient on the training text, and mean(R) the
    mean of the means of all matrices and vectors, as in the authors' program.

    Attributes:
        rule: "sgd" or "rms".
        learning_rate: Default: 0.1 for sgd, 0.00005 for rms.
        decay: how fast the parameters go back to the trained ones. Default: 0.001 for sgd, 0.002 for rms.
        segment: tokens between two changes.

    Raises:
        ArgumentError: a value is out of range.
    """

    rule: Rule = "sgd"
    learning_rate: float | None = None
    decay: float | None = None
    segment: int = 5

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise ArgumentError(f"rule is {self.rule!r}, but must be 'sgd' or 'rms'.")
        rate, decay = self.values
        if not (math.isfinite(rate) and rate >= 0):
            raise ArgumentError(f"learning_rate is {rate}, but must be finite and at least 0.")
        if not 0 <= decay <= 1:
            raise ArgumentError(f"decay is {decay}, but must be from 0 to 1.")
        if self.segment < 1:
            raise ArgumentError(f"segment is {self.segment}, but must be at least 1.")

    @property
    def values(self) -> tuple[float, float]:
        """The learning rate and the decay."""
        rate, decay = DEFAULTS[self.rule]
        return rate if self.learning_rate is None else self.learning_rate, decay if self.decay is None else self.decay


def evaluate_dynamically(
    model: LanguageModel, ids: NDArray[np.integer], dynamic: DynamicEvaluation, *, training: NDArray[np.integer] | None
) -> Evaluation:
    """Compute the mean cross-entropy in nats per token of a model that learns from each segment once it is predicted.

    The text is read as one stream; all tokens but the first are predicted, each before anything was learned from it.

    Args:
        model: the model; not changed: a copy learns.
        ids: token ids, shape (N,), any integer type.
        dynamic: how it learns.
        training: the tokens it was trained on, for the rule "rms".

    Raises:
        CorpusTooSmallError: there are fewer than two tokens.
        ArgumentError: the rule is "rms", and there are no training tokens.
    """
    learner = copy.deepcopy(model)
    trained = list(model.parameters())
    steps = _steps(learner, dynamic, training)
    total, predictions = 0.0, 0
    with evaluating(learner):
        for loss, count in _segments(learner, ids, 1, dynamic.segment):
            total += loss.item() * count
            predictions += count
            loss.backward()
            with torch.no_grad():
                for own, origin, (rate, pull) in zip(learner.parameters(), trained, steps, strict=True):
                    if own.grad is not None:
                        own.lerp_(origin, pull).addcmul_(own.grad, rate, value=-1)
                        own.grad = None
    if not math.isfinite(total):
        raise ArgumentError(
            f"The loss became {total} after {predictions:,} tokens: choose a learning rate smaller than "
            f"{dynamic.values[0]:g}."
        )
    return Evaluation(total / predictions, predictions)


def _segments(
    model: LanguageModel, ids: NDArray[np.integer], streams: int, length: int
) -> Iterator[tuple[Tensor, int]]:
    """Yield the mean loss of one segment of all streams after the other, and the number of predictions."""
    if len(ids) < streams + 1:
        raise CorpusTooSmallError(f"The text has {len(ids)} tokens, but at least 2 are needed: give more text.")
    device, state = model.output.weight.device, model.zero_state(streams)
    for window in Streams(ids, streams, k1=length, k2=length):
        inputs, targets = (torch.from_numpy(it).to(device) for it in (window.inputs, window.targets))
        count = targets.numel()
        features, state = model.features(inputs, state)
        state = tuple(part.detach() for part in state)
        yield model.output.nats(features, targets.t(), gradient=1 / count) / count, count


def _steps(
    model: LanguageModel, dynamic: DynamicEvaluation, training: NDArray[np.integer] | None
) -> Sequence[tuple[Tensor, Tensor]]:
    """Return for each parameter what its gradient is multiplied by, and how far it goes back to the trained one."""
    rate, decay = dynamic.values
    parameters = list(model.parameters())
    if dynamic.rule == "sgd":
        return [(it.new_tensor(rate), it.new_tensor(decay)) for it in parameters]
    if training is None:
        raise ArgumentError(
            "The rule 'rms' measures gradients on the training text, which is not there: choose 'sgd', or put the text "
            "back."
        )
    squares, segments = [torch.zeros_like(it) for it in parameters], 0
    with evaluating(model):
        for loss, _ in _segments(model, training, min(STREAMS, max(1, len(training) - 1)), dynamic.segment):
            loss.backward()
            segments += 1
            for square, own in zip(squares, parameters, strict=True):
                if own.grad is not None:
                    square.addcmul_(own.grad, own.grad)
                    own.grad = None
    roots = [(it / segments).sqrt() for it in squares]
    mean = torch.stack([it.mean() for it in roots]).mean()
    return [(rate / (root + EPSILON), (decay / mean * root).clamp(max=1.0)) for root in roots]
