"""R-Drop: two passes over a batch with different dropout are made to agree (Liang et al. 2021).

p and q being what the two passes predict for one example (or one of its steps),

loss = (-log p(y) - log q(y)) / 2 + alpha / 2 * (KL(p || q) + KL(q || p)) / 2

which is half of equation 4 of "R-Drop: Regularized Dropout for Neural Networks", so that alpha is the paper's and the
first part is the loss without R-Drop.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.data.buckets import Batch, Padded
from tidegate.errors import ArgumentError
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.layers import mask
from tidegate.train.options import RecurrentConfig, option
from tidegate.train.task import Carried, Loss


@dataclass(frozen=True, repr=False)
class RDropConfig(RecurrentConfig):
    """Recurrent layers whose dropout, and that of words, R-Drop may use.

    Raises:
        ArgumentError: R-Drop is chosen, but nothing is dropped.
    """

    word_dropout: float = option(0.1, "Fraction of words replaced by the unknown word in training.", min=0, below=1)
    r_drop: float = option(
        0.0,
        "Weight of R-Drop: each batch is read twice, and the predictions of both passes are made to agree; 0: none.",
        absent=0.0,
        min=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_dropout()

    def check_dropout(self, level: str = "words") -> None:
        """Check that R-Drop's two passes differ.

        Args:
            level: what the steps are; only words are dropped themselves.

        Raises:
            ArgumentError: R-Drop is chosen, but nothing is dropped.
        """
        if self.r_drop and not self.dropout and not (self.word_dropout and level == "words"):
            nothing = "dropout and word_dropout are 0" if level == "words" else f"dropout is 0 and steps are {level}"
            raise ArgumentError(
                f"r_drop is {self.r_drop}, but {nothing}: two passes would be the same. Choose dropout above 0, or "
                "leave r_drop out."
            )


class RDropTask(ExampleTask):
    """A task whose predictions are classes, one for each example or for each step."""

    @abstractmethod
    def logits(self, model: Any, columns: Columns) -> Tensor:
        """Compute the logits of a batch: (B, K), or (B, L, K) for each step."""

    @abstractmethod
    def summed_loss_of(self, model: Any, logits: Tensor, columns: Columns) -> Tensor:
        """Compute the sum of -log p over a batch's predictions."""

    def summed_loss(self, model: Any, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of -log p over a batch's predictions."""
        return self.summed_loss_of(model, self.logits(model, columns), columns)

    def loss(self, model: nn.Module, batch: Batch, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the mean loss per prediction; with R-Drop that of two passes, and their disagreement as penalty."""
        if not self.config.r_drop:
            return super().loss(model, batch, carried, sampling_probability)
        device = next(model.parameters()).device
        columns = {name: _twice(column.to(device)) for name, column in batch.columns.items()}
        logits = self.logits(model, columns)  # one batch of both passes: its dropout masks differ from row to row
        summed = self.summed_loss_of(model, logits, columns)
        apart = disagreement(logits)
        if apart.ndim == 2:
            lengths = columns[self.LENGTH].lengths[: len(apart)]
            apart = apart.masked_fill(~mask(lengths, apart.shape[1]), 0)
        return Loss(summed / (2 * batch.share), {}, self.config.r_drop / 2 * apart.sum() / batch.share)


def disagreement(logits: Tensor) -> Tensor:
    """Compute (KL(p || q) + KL(q || p)) / 2 of two passes.

    Args:
        logits: (2B, ..., K), those of p and then those of q.

    Returns:
        (B, ...), in nats.
    """
    log_p, log_q = logits.log_softmax(-1).chunk(2)
    return 0.5 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(-1)


def _twice(column: Padded) -> Padded:
    return Padded(torch.cat([column.values] * 2), torch.cat([column.lengths] * 2))
