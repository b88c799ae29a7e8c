"""Sampling of the next token: temperature, top-k, top-p, min-p, greedy.

Every function takes logits of shape (B, V) and returns logits of the same shape in which excluded tokens are minus
infinity. They compose in the order Hugging Face transformers uses, so settings carry over::

    temperature -> top-k -> top-p -> min-p -> softmax -> draw

Each later filter sees the distribution the earlier ones left, renormalised.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError

__all__ = ["Sampling", "draw", "filtered", "keep_min_p", "keep_top_k", "keep_top_p", "with_temperature"]


@dataclass(frozen=True)
class Sampling:
    """How the next token is sampled. Default: from the model's own distribution.

    Attributes:
        temperature: Divides the logits: below 1 sharpens, above 1 flattens; 0 always takes the most likely token.
        top_k: Keep the k most likely tokens (Fan, Lewis & Dauphin 2018).
        top_p: Keep the smallest set of most likely tokens whose probability reaches p (Holtzman et al. 2020).
        min_p: Keep the tokens at least p times as likely as the most likely one (Nguyen et al. 2024).

    Raises:
        ArgumentError: A value is outside its range; the message names it.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ArgumentError(f"temperature is {self.temperature!r}, but must be finite and at least 0 (greedy).")
        if self.top_k is not None and self.top_k < 1:
            raise ArgumentError(f"top_k is {self.top_k!r}, but must be at least 1.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ArgumentError(f"top_p is {self.top_p!r}, but must be above 0 and at most 1.")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise ArgumentError(f"min_p is {self.min_p!r}, but must be from 0 to 1, a fraction of the top probability.")


def with_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide the logits by the temperature; 0 leaves only the most likely token (the first of equals)."""
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.full_like(logits, -math.inf).scatter(-1, best, 0.0)
    # The largest logit goes to 0 first, so that a very small temperature cannot overflow.
    return (logits - logits.amax(dim=-1, keepdim=True)) / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k most likely tokens; all tokens equal to the k-th are kept, and k > V keeps everything."""
    if k >= logits.shape[-1]:
        return logits
    threshold = logits.topk(k, dim=-1).values[..., -1:]
    return logits.masked_fill(logits < threshold, -math.inf)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the smallest set of most likely tokens with probability at least p; of equals, the first come first."""
    if p >= 1:
        return logits
    ranked, order = logits.double().sort(dim=-1, descending=True, stable=True)
    # A token is not needed if the tokens before it reach p already; the first is therefore always kept.
    reached = ranked.softmax(dim=-1).cumsum(dim=-1).roll(1, dims=-1) >= p
    reached[..., 0] = False
    return logits.masked_fill(torch.empty_like(reached).scatter(-1, order, reached), -math.inf)


def keep_min_p(logits: Tensor, p: float) -> Tensor:
    """Keep the tokens at least p times as likely as the most likely one."""
    if p <= 0:
        return logits
    # probability >= p * top probability, in logits.
    threshold = logits.amax(dim=-1, keepdim=True) + math.log(p)
    return logits.masked_fill(logits < threshold, -math.inf)


def filtered(logits: Tensor, sampling: Sampling) -> Tensor:
    """Apply temperature, top-k, top-p and min-p, in that order, to logits (B, V)."""
    logits = with_temperature(logits, sampling.temperature)
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p is not None:
        logits = keep_min_p(logits, sampling.min_p)
    return logits


def draw(logits: Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> Tensor:
    """Draw the next token of every row.

    Row b takes exactly one number from ``generators[b]``, so what it draws does not depend on the rows beside it. The
    draw is made in float64 on the CPU, so the same seed gives the same text on every device.

    Args:
        logits: (B, V), finite, or minus infinity for tokens that must not be drawn.
        sampling: Temperature and filters.
        generators: One per row.

    Returns:
        (B,) int64 token ids, on the CPU.

    Raises:
        ArgumentError: The shapes do not fit, or the logits hold nan or plus infinity.
    """
    if logits.ndim != 2 or logits.shape[0] != len(generators):
        raise ArgumentError(
            f"logits have shape {tuple(logits.shape)} for {len(generators)} generators, but should be (B, V) for B."
        )
    logits = logits.detach().cpu().double()
    best = logits.amax(dim=-1)
    if not bool(torch.isfinite(best).all()):  # amax hands a nan on, so this sees nan, +inf and all -inf
        raise ArgumentError(
            "The model's logits are not finite, so no token can be drawn; its weights are probably nan."
        )
    uniform = torch.cat([torch.rand(1, generator=g, dtype=torch.float64) for g in generators])
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    cumulative = filtered(logits, sampling).softmax(dim=-1).cumsum(dim=-1)
    # Dividing by the total makes the last value exactly 1, above any draw from [0, 1). "right" skips tokens of
    # probability 0: they add nothing, so they are never the first to exceed the draw.
    cumulative = cumulative / cumulative[:, -1:]
    return torch.searchsorted(cumulative, uniform[:, None], right=True)[:, 0]
