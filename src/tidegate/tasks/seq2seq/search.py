"""Decoding: greedy, sampling, or beam search.

A model only has to implement the two methods of `Writer`: log p of the next token, and reordering of hypotheses.

A hypothesis is ranked by its score over a penalty for its length, ending included (Wu et al. 2016, equation 14)::

    rank(y) = log p(y) / ((5 + |y|) / 6) ** alpha

With alpha 0 that is log p itself, which favours short texts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.text.sampling import Sampling, draw


class Writer(Protocol):
    """Texts that are decoded in one batch: N = B * K rows, those of an example one after another."""

    def step(self, tokens: Tensor | None) -> Tensor:
        """Advance each row by one token.

        Args:
            tokens: (N,) int64, the last tokens; None at the beginning.

        Returns:
            (N, V) log p of the next token; minus infinity for excluded tokens.
        """
        ...

    def reorder(self, indices: Tensor) -> None:
        """Continue row n with the state of row ``indices[n]``, (N,), a row of the same example."""
        ...


class Hypothesis(NamedTuple):
    """A decoded text.

    Attributes:
        tokens: without the end.
        score: the sum of log p over the tokens and, if it ended, the end, under the model's own distribution.
        ended: whether the model ended it; otherwise it was cut at the limit.
    """

    tokens: list[int]
    score: float
    ended: bool

    def rank(self, length_penalty: float) -> tuple[bool, float]:
        """Return the key that hypotheses are ordered by, the higher the better: ended ones first."""
        return self.ended, self.score / penalty(len(self.tokens) + self.ended, length_penalty)


class Considered(NamedTuple):
    """One step of a beam search: the best N continuations of each of B examples, the best first.

    Attributes:
        parents: (B, N) int64, the hypothesis each continues, of the ``width`` before.
        tokens: (B, N) int64, the token it adds.
        scores: (B, N) float64, the sum of log p with that token; minus infinity: there is no such continuation.
        finished: accepted ended hypotheses, each as example and index among the N.
        kept: (B, width) int64, the indices of the hypotheses of the next step; -1 if there are fewer. (B, 0) at the
            last step.
    """

    parents: Tensor
    tokens: Tensor
    scores: Tensor
    finished: list[tuple[int, int]]
    kept: Tensor


def penalty(length: int, alpha: float) -> float:
    """Return ((5 + length) / 6) ** alpha."""
    return ((5 + length) / 6) ** alpha


def stream(
    writer: Writer, *, end: int, limit: int, choose: Callable[[Tensor], Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Decode token by token.

    Args:
        writer: N rows at their beginning.
        end: the token that ends a text.
        limit: maximal number of tokens, including the end.
        choose: log p (N, V) to tokens (N,).

    Yields:
        The tokens (N,) of each step and their log p (N,); in rows that have ended, the end with log p 0. The last step
        is the one in which the last row ends, or the limit.
    """
    tokens, ended = None, None
    for _ in range(limit):
        log = writer.step(tokens)
        tokens = choose(log).to(log.device)
        value = log.gather(1, tokens[:, None]).squeeze(1)
        if ended is not None:
            tokens, value = tokens.masked_fill(ended, end), value.masked_fill(ended, 0)
        yield tokens, value
        ended = tokens == end
        if bool(ended.all()):
            return


def write(writer: Writer, *, end: int, limit: int, choose: Callable[[Tensor], Tensor]) -> list[Hypothesis]:
    """Decode one text for each row, see `stream`."""
    steps = list(stream(writer, end=end, limit=limit, choose=choose))
    tokens = torch.stack([it for it, _ in steps], 1).tolist()
    scores = torch.stack([it for _, it in steps], 1).double().sum(1).tolist()
    found = []
    for row, score in zip(tokens, scores, strict=True):
        ended = end in row
        found.append(Hypothesis(row[: row.index(end)] if ended else row, score, ended))
    return found


def greedy(log: Tensor) -> Tensor:
    """Choose the most likely token of each row."""
    return log.argmax(-1)


def drawn(sampling: Sampling, generators: Sequence[torch.Generator]) -> Callable[[Tensor], Tensor]:
    """Return a function that samples: row n uses ``generators[n]`` only."""
    return partial(draw, sampling=sampling, generators=generators)


def beam_search(
    writer: Writer,
    *,
    examples: int,
    width: int,
    end: int,
    limit: int,
    length_penalty: float = 0.0,
    observe: Callable[[Considered], None] | None = None,
) -> list[list[Hypothesis]]:
    """Find the best texts by beam search with ``width`` hypotheses for each example.

    At each step every unfinished hypothesis is continued by every token. Among the best ``width`` of these
    continuations those that end are finished; of the others the best ``width`` are continued.
    An example is done when ``width`` of its hypotheses have finished. With a width of 1 this is `greedy`.

    Args:
        writer: ``examples * width`` rows at their beginning.
        examples: B.
        width: K.
        end: the token that ends a text.
        limit: maximal number of tokens, including the end.
        length_penalty: alpha.
        observe: called with every step of the search.

    Returns:
        The best hypotheses of each example, at most ``width``, the best first. If fewer finished before the limit, the
        best unfinished ones follow.

    Raises:
        ArgumentError: the width is not positive.
    """
    if width < 1:
        raise ArgumentError(f"width is {width}, but must be at least 1.")
    finished: list[list[Hypothesis]] = [[] for _ in range(examples)]
    log = writer.step(None).double()
    # At first all rows of an example are the same, so only the first one is continued.
    scores = log.new_full((examples, width), -torch.inf)
    scores[:, 0] = 0
    first = torch.arange(examples, device=log.device)[:, None] * width
    texts = torch.zeros((examples, width, 0), dtype=torch.int64, device=log.device)
    for step in range(limit):
        if step:
            log = writer.step(texts[..., -1].flatten()).double()
        size = log.shape[-1]
        every = (scores[..., None] + log.view(examples, width, size)).flatten(1)
        # Each hypothesis has one continuation that ends, so the best 2 K include K that do not, if there are K.
        scores, best = every.topk(min(2 * width, every.shape[1]), dim=1)
        parents, tokens = best // size, best % size
        ends = (tokens == end) & scores.isfinite()
        taken: list[tuple[int, int]] = []
        for example, place in ends[:, :width].nonzero().tolist():
            if len(finished[example]) < width:
                text = texts[example, parents[example, place]].tolist()
                finished[example].append(Hypothesis(text, scores[example, place].item(), True))
                taken.append((example, place))
        over = all(len(it) == width for it in finished)
        going, chosen = scores.masked_fill(tokens == end, -torch.inf).topk(width, dim=1)
        if observe is not None:
            kept = chosen[:, :0] if over else chosen.masked_fill(going.isinf(), -1)
            observe(Considered(parents, tokens, scores, taken, kept))
        if over:
            break
        scores = going
        parents, tokens = parents.gather(1, chosen), tokens.gather(1, chosen)
        texts = torch.cat([texts.gather(1, parents[..., None].expand(-1, -1, step)), tokens[..., None]], -1)
        writer.reorder((first + parents).flatten())
    found = []
    for example, done in enumerate(finished):
        cut = [] if len(done) == width else zip(texts[example].tolist(), scores[example].tolist(), strict=True)
        cut = [Hypothesis(text, score, False) for text, score in cut if score > -torch.inf]
        ranked = sorted(done + cut, key=lambda it: it.rank(length_penalty), reverse=True)
        found.append(ranked[:width])
    if not all(found):
        raise ArgumentError(
            "The model writes no text: the probabilities of its tokens are nan. Its training diverged, or its file was "
            "altered."
        )
    return found
