"""From the last layer's output to the distribution of the next token: softmax, or adaptive softmax.

Both are called on features (..., H) and return logits (..., V): numbers whose softmax is that distribution. ``nats`` is
the loss, for which not all logits are computed.
"""

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.text.cross_entropy import LARGE, output_nats

BLOCK = 1024  # tokens
CLUSTER = 512  # tokens of a cluster from which its loss and gradient are made together


class Softmax(nn.Linear):
    """``p = softmax(W h + b)``."""

    def step(self, features: Tensor) -> Tensor:
        """Compute the logits of one step, (B, H) to (B, V)."""
        count, width = self.weight.shape
        if len(features) != 1 or count < LARGE or not features.is_cpu:
            return self(features)
        # The product of a large matrix and a vector waits for the memory. In blocks it takes half the time, because
        # PyTorch then multiplies each with a kernel of its own, which reads as fast as the memory allows.
        whole = count // BLOCK * BLOCK
        blocks = self.weight[:whole].view(-1, BLOCK, width)
        product = torch.bmm(blocks, features.t().expand(len(blocks), width, 1)).view(1, whole)
        rest = functional.linear(features, self.weight[whole:])
        return torch.cat([product, rest], 1) + self.bias

    def nats(self, features: Tensor, targets: Tensor, *, gradient: float = 1.0) -> Tensor:
        """Compute the summed cross-entropy.

        Args:
            features: (..., H).
            targets: (...), int64.
            gradient: the gradient that backward will be given, where it is known.
        """
        return output_nats(features, self.weight, self.bias, targets, gradient=gradient)


class AdaptiveSoftmax(nn.AdaptiveLogSoftmaxWithLoss):
    """Adaptive softmax (Grave et al. 2017), as ``torch.nn.AdaptiveLogSoftmaxWithLoss``.

    The most frequent tokens are predicted at once, the rarer ones in clusters: a cluster's own probability, then that
    of the token in it, from a quarter as many features as the cluster before has. Tokens are in the order of their
    frequency.

    Args:
        hidden_size: H.
        vocabulary_size: V.
        cutoffs: the first token of each cluster.
    """

    def __init__(self, hidden_size: int, vocabulary_size: int, cutoffs: list[int]) -> None:
        super().__init__(hidden_size, vocabulary_size, cutoffs)

    def step(self, features: Tensor) -> Tensor:
        """Compute the log probabilities of one step, (B, H) to (B, V)."""
        return self(features)

    @property
    def weight(self) -> Tensor:
        """The weights of the frequent tokens and of the clusters."""
        return self.head.weight

    def forward(self, features: Tensor) -> Tensor:  # type: ignore[override]
        """Compute the log probability of every token: (..., H) to (..., V)."""
        return self.log_prob(features.flatten(0, -2)).unflatten(0, features.shape[:-1])

    def nats(self, features: Tensor, targets: Tensor, *, gradient: float = 1.0) -> Tensor:
        """Compute the summed cross-entropy, as of `Softmax`; a cluster computes the logits of its own targets alone."""
        flat, truth = features.flatten(0, -2), targets.flatten()
        how = {"gradient": gradient, "large": CLUSTER}
        first, total = truth, torch.zeros((), dtype=flat.dtype, device=flat.device)
        for number, (begin, end) in enumerate(itertools.pairwise(self.cutoffs)):
            (rows,) = torch.where((truth >= begin) & (truth < end))
            narrow, rare = cast(nn.Sequential, self.tail[number])
            # A cluster without a target is computed, too: its gradient is zero, not missing.
            total = total + output_nats(narrow(flat[rows]), cast(Tensor, rare.weight), None, truth[rows] - begin, **how)
            first = first.index_fill(0, rows, self.shortlist_size + number)
        return total + output_nats(flat, self.head.weight, self.head.bias, first, **how)


def reset_uniform(module: nn.Module, bound: float, *, biases: bool) -> None:
    """Set a module's weights to uniform values in +-bound, and its biases likewise or to zero."""
    with torch.no_grad():
        for parameter in module.parameters():
            if biases or parameter.ndim > 1:
                parameter.uniform_(-bound, bound)
            else:
                parameter.zero_()
