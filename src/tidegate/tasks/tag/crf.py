"""A linear-chain conditional random field over the tags of a sequence (Lafferty et al. 2001, Lample et al. 2016).

p(y | x) = exp(sum_t scores[t, y_t] + start[y_1] + sum_t transitions[y_t, y_(t+1)] + end[y_T]) / Z

where Z sums the same over all sequences of tags. The forward algorithm computes log Z, Viterbi's finds the likeliest
sequence, and the marginals p(y_t = k | x) are the derivatives of log Z with respect to the scores.
"""

import torch
from torch import Tensor, nn

from tidegate.tasks.layers import mask
from tidegate.tasks.tag.spans import why_not_after, why_not_last

NEVER = -1e4  # exp of it is 0 in any precision, and unlike -inf it has a gradient


class ConditionalRandomField(nn.Module):
    """Scores of neighbouring tags, on top of the scores of each step.

    Args:
        labels: the K tags.
        scheme: the tagging scheme of spans whose rules no sequence may break. Default: all sequences are possible.
        learned: whether there are learned scores of transitions. Without them only the scheme binds the tags.

    Attributes:
        transitions: (K, K), score of the second tag after the first; zeros at first, as the two below.
        start: (K,), score of the first tag.
        end: (K,), score of the last tag.
    """

    transitions: Tensor
    start: Tensor
    end: Tensor
    forbidden: Tensor
    forbidden_first: Tensor
    forbidden_last: Tensor

    def __init__(self, labels: list[str], scheme: str | None = None, *, learned: bool = True) -> None:
        super().__init__()
        count = len(labels)
        shapes = {"transitions": (count, count), "start": (count,), "end": (count,)}
        for name, shape in shapes.items():
            zeros = torch.zeros(shape)
            if learned:
                self.register_parameter(name, nn.Parameter(zeros))
            else:
                self.register_buffer(name, zeros, persistent=False)
        broken = torch.zeros(count + 1, count + 1, dtype=torch.bool)  # the last row and column: outside the sequence
        if scheme is not None:
            for n, after in enumerate([*labels, "O"]):
                broken[n, :count] = torch.tensor([why_not_after(after, tag, scheme) is not None for tag in labels])
            broken[:count, count] = torch.tensor([why_not_last(tag, scheme) is not None for tag in labels])
        self.register_buffer("forbidden", broken[:count, :count], persistent=False)
        self.register_buffer("forbidden_first", broken[count, :count], persistent=False)
        self.register_buffer("forbidden_last", broken[:count, count], persistent=False)

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Compute log p(tags | scores), (B,): the sum over all sequences that agree with the known tags, over Z.

        Args:
            scores: (B, T, K).
            tags: (B, T) int64; negative where the tag is not known.
            lengths: (B,).
        """
        others = torch.arange(scores.shape[-1], device=scores.device) != tags[..., None]
        agreeing = scores.masked_fill(others & (tags >= 0)[..., None], NEVER)
        both = self.log_partition(torch.cat([agreeing, scores]), lengths.repeat(2))
        return both[: len(scores)] - both[len(scores) :]

    def log_partition(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Compute log Z of (B, T, K) scores with lengths (B,): (B,)."""
        start, between, end = self._bounds()
        inside = mask(lengths, scores.shape[1])
        alpha = start + scores[:, 0]
        for t in range(1, scores.shape[1]):
            after = torch.logsumexp(alpha[:, :, None] + between, 1) + scores[:, t]
            alpha = torch.where(inside[:, t, None], after, alpha)
        return torch.logsumexp(alpha + end, 1)

    def marginals(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Compute p(y_t = k | scores), (B, T, K); zero past an example's end."""
        with torch.inference_mode(False), torch.enable_grad():
            given = scores.detach().clone().requires_grad_()
            return torch.autograd.grad(self.log_partition(given, lengths.clone()).sum(), given)[0].detach()

    def log_marginals(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Compute log p(y_t = k | scores), (B, T, K), which can be differentiated; -inf past an example's end.

        log p(y_t = k) = alpha_t(k) + beta_t(k) - log Z, by the forward and the backward algorithm.
        """
        start, between, end = self._bounds()
        inside = mask(lengths, scores.shape[1])
        forward, backward = [start + scores[:, 0]], [end.expand_as(scores[:, 0])]
        for t in range(1, scores.shape[1]):
            after = torch.logsumexp(forward[-1][:, :, None] + between, 1) + scores[:, t]
            forward.append(torch.where(inside[:, t, None], after, forward[-1]))
        for t in range(scores.shape[1] - 1, 0, -1):
            before = torch.logsumexp(between + (scores[:, t] + backward[-1])[:, None], 2)
            backward.append(torch.where(inside[:, t, None], before, backward[-1]))
        log_z = torch.logsumexp(forward[-1] + end, 1)
        both = torch.stack(forward, 1) + torch.stack(backward[::-1], 1) - log_z[:, None, None]
        return both.masked_fill(~inside[..., None], -torch.inf)

    def best(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Find the likeliest sequence of each example by Viterbi's algorithm, (B, T); past its end its last tag."""
        start, between, end = self._bounds()
        inside = mask(lengths, scores.shape[1])
        alpha, stay, back = start + scores[:, 0], torch.arange(scores.shape[-1], device=scores.device), []
        for t in range(1, scores.shape[1]):
            best, before = (alpha[:, :, None] + between).max(1)
            alpha = torch.where(inside[:, t, None], best + scores[:, t], alpha)
            back.append(torch.where(inside[:, t, None], before, stay))
        found = [(alpha + end).argmax(1)]
        for before in reversed(back):
            found.append(before.gather(1, found[-1][:, None])[:, 0])
        return torch.stack(found[::-1], 1)

    def _bounds(self) -> tuple[Tensor, Tensor, Tensor]:
        return (
            self.start.masked_fill(self.forbidden_first, NEVER),
            self.transitions.masked_fill(self.forbidden, NEVER),
            self.end.masked_fill(self.forbidden_last, NEVER),
        )
