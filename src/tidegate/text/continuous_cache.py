"""A continuous cache: words that came where the model was in a like state are more probable (Grave et al. 2017)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.text.model import LanguageModel


@dataclass(frozen=True)
class Cache:
    """Settings of the cache.

    ``p(w) = (1 - weight) p_model(w) + weight p_cache(w)``, where ``p_cache(w)`` is proportional to the sum of
    ``exp(theta h_t . h_i)`` over the last ``size`` places i that were followed by w; h is the last layer's output.

    Attributes:
        size: N, how many tokens back the cache reaches.
        theta: how much the likeness of two states counts; 0: all places alike.
        weight: lambda, the cache's share of the probability.

    Raises:
        ArgumentError: a value is out of range.
    """

    size: int
    theta: float = 0.3
    weight: float = 0.1

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ArgumentError(f"size is {self.size}, but must be at least 1.")
        if not (math.isfinite(self.theta) and self.theta >= 0):
            raise ArgumentError(f"theta is {self.theta}, but must be finite and at least 0.")
        if not 0 < self.weight < 1:
            raise ArgumentError(f"weight is {self.weight}, but must be above 0 and below 1.")


class CachedStreams:
    """A model with a cache, reading streams window by window.

    Args:
        model: the model.
        cache: its settings.
    """

    def __init__(self, model: LanguageModel, cache: Cache) -> None:
        self.model, self.cache = model, cache
        self._features = self._words = self._known = torch.empty(0)

    def nats(self, features: Tensor, targets: Tensor, known: Tensor, counted: Tensor) -> Tensor:
        """Return the summed loss of the positions that count, and remember the window.

        Args:
            features: the last layer's output, (T, B, H).
            targets: the word that follows, (T, B).
            known: whether there is text at a position, (T, B).
            counted: whether a position counts, (T, B).
        """
        every, words, text = features, targets, known
        if self._features.numel():
            every = torch.cat([self._features, every])
            words, text = torch.cat([self._words, words]), torch.cat([self._known, text])
        total = features.new_zeros(())
        for stream in range(features.shape[1]):
            rows = counted[:, stream]
            if rows.any():
                nats = self._stream(every[:, stream], words[:, stream], text[:, stream], targets[:, stream])
                total += nats[rows].sum()
        self._features, self._words, self._known = (it[-self.cache.size :].clone() for it in (every, words, text))
        return total

    def _stream(self, features: Tensor, words: Tensor, known: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of the last positions of one stream, given all that are remembered."""
        count, before = len(targets), len(features) - len(targets)
        here, places = torch.arange(before, before + count, device=words.device)[:, None], torch.arange(len(words))
        places = places.to(words.device)
        within = (places < here) & (places >= here - self.cache.size) & known
        scores = (self.cache.theta * features[before:] @ features.t()).masked_fill(~within, -math.inf)
        every = scores.logsumexp(1)
        same = scores.masked_fill(words != targets[:, None], -math.inf).logsumexp(1)
        cached = torch.where(within.any(1), same - every, -math.inf)
        logits = self.model.output(features[before:])
        model = -functional.cross_entropy(logits, targets, reduction="none")
        share = self.cache.weight
        mixed = torch.logaddexp(model + math.log1p(-share), cached + math.log(share))
        return -torch.where(within.any(1), mixed, model)
