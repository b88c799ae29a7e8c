"""From a model that says what comes next to whole texts: greedy, drawn, or the best found by beam search.

Nothing here knows a model. What writes is asked for two things, see `Writer`: log p of the next token, and to let
hypotheses go on as copies of others.

A hypothesis is ranked by its score over a penalty for its length, ending included (Wu et al. 2016, equation 14)::

    rank(y) = log p(y) / ((5 + |y|) / 6) ** alpha

With alpha 0 that is log p itself, which prefers short texts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.text.sampling import Sampling, draw


class Writer(Protocol):
    """Some texts being written side by side: N = B * K rows, those of an example one after another."""

    def step(self, tokens: Tensor | None) -> Tensor:
        """Go on by one token in each row.

        Args:
            tokens: (N,) int64, those written last; None as the texts begin.

        Returns:
            (N, V) log p of the next token; minus infinity where it must not be written.
        """
        ...

    def reorder(self, indices: Tensor) -> None:
        """Let row n go on as row ``indices[n]`` would have: (N,), each a row of n's own example."""
        ...


class Hypothesis(NamedTuple):
    """A text that was written.

    Attributes:
        tokens: without the end.
        score: the sum of log p over the tokens and, if it ended, the end, under the model's own distribution.
        ended: whether the model ended it; otherwise it was cut at the limit.
    """

    tokens: list[int]
    score: float
    ended: bool

    def rank(self, length_penalty: float) -> tuple[bool, float]:
        """By what hypotheses are ordered, the higher the better: those that ended first."""
        return self.ended, self.score / penalty(len(self.tokens) + self.ended, length_penalty)


class Considered(NamedTuple):
    """What a beam search made of one step: the best N continuations of each of B examples, the best first.

    Attributes:
        parents: (B, N) int64, which of the ``width`` hypotheses before each continues.
        tokens: (B, N) int64, with what.
        scores: (B, N) float64, the sum of log p with that token; minus infinity: there is no such continuation.
        finished: those that ended and were taken, each as example and place among the N.
        kept: (B, width) int64, the places of those that go on, as the hypotheses of the next step; -1 where fewer do.
            (B, 0) after the step with which the search is over.
    """

    parents: Tensor
    tokens: Tensor
    scores: Tensor
    finished: list[tuple[int, int]]
    kept: Tensor


def penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6) ** alpha."""
    return ((5 + length) / 6) ** alpha


def stream(
    writer: Writer, *, end: int, limit: int, choose: Callable[[Tensor], Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Write token by token.

    Args:
        writer: N rows at their beginning.
        end: the token that ends a text.
        limit: the most tokens, the end included.
        choose: log p (N, V) to tokens (N,).

    Yields:
        The tokens (N,) of each step and their log p (N,); in rows that have ended, the end with log p 0. The last step
        is that in which the last row ends, or the limit's.
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
    """One text for each row; as `stream`."""
    steps = list(stream(writer, end=end, limit=limit, choose=choose))
    tokens = torch.stack([it for it, _ in steps], 1).tolist()
    scores = torch.stack([it for _, it in steps], 1).double().sum(1).tolist()
    found = []
    for row, score in zip(tokens, scores, strict=True):
        ended = end in row
        found.append(Hypothesis(row[: row.index(end)] if ended else row, score, ended))
    return found


def greedy(log: Tensor) -> Tensor:
    """The most likely token of each row."""
    return log.argmax(-1)


def drawn(sampling: Sampling, generators: Sequence[torch.Generator]) -> Callable[[Tensor], Tensor]:
    """A choice by chance: row n draws from ``generators[n]`` only, whatever the rows beside it do."""
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
    """The best texts that can be found keeping ``width`` unfinished ones for each example.

    At each step every unfinished hypothesis is continued by every token. Among the best ``width`` of these
    continuations those that end are finished, and stay so whatever comes later; of the others the best ``width`` go on.
    An example is done when ``width`` of its hypotheses have finished. With a width of 1 this is `greedy`.

    Args:
        writer: ``examples * width`` rows at their beginning.
        examples: B.
        width: K.
        end: the token that ends a text.
        limit: the most tokens, the end included.
        length_penalty: alpha.
        observe: is told what was considered at each step, and what became of it.

    Returns:
        For each example its best hypotheses, at most ``width``, the best first. If fewer finished before the limit,
        the best that were cut there follow.

    Raises:
        ArgumentError: the width is not positive.
    """
    if width < 1:
        raise ArgumentError(f"A beam of width {width} keeps nothing: give at least 1.")
    finished: list[list[Hypothesis]] = [[] for _ in range(examples)]
    log = writer.step(None).double()
    # All rows of an example are the same as yet, so only the first one's continuations count.
    scores = log.new_full((examples, width), -torch.inf)
    scores[:, 0] = 0
    first = torch.arange(examples, device=log.device)[:, None] * width
    texts = torch.zeros((examples, width, 0), dtype=torch.int64, device=log.device)
    for step in range(limit):
        if step:
            log = writer.step(texts[..., -1].flatten()).double()
        size = log.shape[-1]
        every = (scores[..., None] + log.view(examples, width, size)).flatten(1)
        # Each hypothesis ends in one way only, so the best 2 K hold K that go on, if there are so many.
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
    return found
