"""Layers shared by the models of several tasks: inputs, recurrent layers and pooling."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Preprocessing
from tidegate.nn import Recurrent
from tidegate.train.options import RecurrentConfig

Pooling = Literal["last", "mean", "max", "attention"]


def recurrent(
    config: RecurrentConfig,
    input_size: int,
    *,
    bidirectional: bool = False,
    batch_first: bool = True,
    backend: str | None,
) -> Recurrent:
    """Make the recurrent layers of a model config."""
    return Recurrent(
        config.cell,
        input_size,
        config.hidden_size,
        config.num_layers,
        batch_first=batch_first,
        dropout=config.dropout if config.num_layers > 1 else 0.0,
        bidirectional=bidirectional,
        heads=config.heads,
        init=config.init,
        forget_bias=config.forget_bias,
        backend=backend,
    )


def each_state(state: Tensor | tuple[Tensor, ...], act: Callable[[Tensor], Tensor]) -> Tensor | tuple[Tensor, ...]:
    """Apply a function to each state of a cell: a tensor if there is one state, else a tuple."""
    return act(state) if isinstance(state, Tensor) else tuple(act(it) for it in state)


def mask(lengths: Tensor, steps: int) -> Tensor:
    """Return whether a step is within its example's length: (B,) to (B, steps)."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


class TokenInput(nn.Module):
    """Embedding of words or characters with word dropout.

    Args:
        size: V, the size of the vocabulary.
        width: E, the size of the embedding.
        unknown: id of the unknown token. Default: no word dropout.
        word_dropout: fraction of tokens replaced by the unknown token in training.
    """

    def __init__(self, size: int, width: int, *, unknown: int | None = None, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        # With rows of variance 1 the first layers would saturate; pretrained word vectors are of this scale too.
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.unknown, self.word_dropout = unknown, word_dropout

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L) int64 to (B, L, E)."""
        if self.training and self.unknown is not None and self.word_dropout:
            lost = torch.rand(tokens.shape, device=tokens.device) < self.word_dropout
            tokens = tokens.masked_fill(lost, self.unknown)
        return self.embedding(tokens)


class FrameInput(nn.Module):
    """Normalise frames with the mean and deviation of the training part.

    Args:
        mean: (F,), of each feature.
        deviation: (F,), standard deviation of each feature.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        # Not saved with the model: they are part of the preprocessing.
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("scale", 1 / torch.tensor(deviation).clamp_min(1e-6), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, L, F) to (B, L, F)."""
        return (frames - self.mean) * self.scale


def input_kind(preprocessing: Preprocessing) -> ColumnKind:
    """Return what a column of frames or of tokens holds."""
    level = preprocessing.text("input")
    if level == "frames":
        return ColumnKind("f4", (len(preprocessing.numbers("mean")),))
    return ColumnKind("i8", below=len(preprocessing.vocabulary(level)))


class Pool(nn.Module):
    """Pool a sequence of outputs to one vector.

    * ``last``: the final state, of both directions if there are two;
    * ``mean`` and ``max`` over the valid steps;
    * ``attention``: sum_t a_t h_t with a = softmax(v . tanh(W h_t + b)) over the valid steps (Yang et al. 2016).

    Args:
        kind: one of them.
        width: D, the size of the outputs.
        directions: 1 or 2.
    """

    def __init__(self, kind: Pooling, width: int, directions: int) -> None:
        super().__init__()
        self.kind, self.directions = kind, directions
        if kind == "attention":
            self.hidden = nn.Linear(width, width)
            self.score = nn.Linear(width, 1, bias=False)

    def forward(self, output: Tensor, final: Tensor, lengths: Tensor) -> Tensor:
        """Outputs (B, L, D), zero past the lengths, and final states (layers * directions, B, H) to (B, D)."""
        if self.kind == "last":
            return torch.cat(list(final[-self.directions :]), -1)
        if self.kind == "mean":
            return output.sum(1) / lengths.clamp_min(1)[:, None]
        outside = ~mask(lengths, output.shape[1])[..., None]
        if self.kind == "max":
            highest = output.masked_fill(outside, -torch.inf).amax(1)
            return highest.masked_fill(lengths[:, None] == 0, 0)
        score = self.score(torch.tanh(self.hidden(output))).masked_fill(outside, torch.finfo(output.dtype).min)
        return (score.softmax(1) * output).sum(1)
