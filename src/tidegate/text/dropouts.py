"""Dropout as published word models use it, of whole words and of recurrent weights; penalties on activations."""

from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.nn import functional

from tidegate.engine import Weights
from tidegate.nn import Recurrent


def drop_words(x: Tensor, ids: Tensor, vocabulary_size: int, rate: float) -> Tensor:
    """Set the vectors of words to zero, the same words at every place (embedding dropout, Gal & Ghahramani 2016).

    Args:
        x: vectors (..., E).
        ids: their words (...).
        vocabulary_size: V.
        rate: the share of the vocabulary that is dropped; the other vectors are scaled by ``1 / (1 - rate)``.
    """
    kept = functional.dropout(x.new_ones(vocabulary_size, 1), rate)
    return x * functional.embedding(ids, kept)


class RegularizedLayers(Recurrent):
    """Recurrent layers whose dropout may be locked in time, and whose recurrent weights may be dropped.

    Args:
        *args: as of `tidegate.nn.Recurrent`.
        locked_dropout: whether the dropout between layers has one mask for all steps of a run.
        weight_dropout: share of the recurrent weights W_hh that is zero during a run (DropConnect, Wan et al. 2013; on
            recurrent weights: Merity et al. 2018).
        **kwargs: as of `tidegate.nn.Recurrent`.
    """

    def __init__(self, *args: Any, locked_dropout: bool = False, weight_dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.locked_dropout, self.weight_dropout = locked_dropout, weight_dropout

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction; while training, some of W_hh are zero."""
        weights = super().layer_weights(layer, direction)
        if not self.training or not self.weight_dropout or weights.w_hh is None:
            return weights
        return replace(weights, w_hh=functional.dropout(weights.w_hh, self.weight_dropout))


def activation_penalty(raw: Tensor, dropped: Tensor, alpha: float, beta: float) -> Tensor:
    """Return the penalty on large and on fast-changing outputs (AR and TAR, Merity, McCann & Socher 2017).

    ``alpha mean(d_t^2) + beta mean((h_t - h_{t-1})^2)``, h being the last layer's output and d the same after dropout.

    Args:
        raw: h, (T, B, H).
        dropped: d, (T, B, H).
        alpha: weight of AR.
        beta: weight of TAR.
    """
    penalty = alpha * dropped.square().mean()
    return penalty + beta * (raw[1:] - raw[:-1]).square().mean() if len(raw) > 1 else penalty
