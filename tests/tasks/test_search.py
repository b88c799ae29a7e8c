"""Decoding against a writer whose probabilities are known, so that all texts can be listed."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.tasks.seq2seq.search import Considered, Hypothesis, beam_search, drawn, greedy, penalty, stream, write
from tidegate.text.sampling import Sampling

END, SIZE, LIMIT = 0, 4, 4


class Chain:
    """p(next | all before, example): a table drawn once, the rows being told by the tokens they have seen."""

    def __init__(self, examples: list[int], width: int = 1) -> None:
        self.rows: list[tuple[int, ...]] = [(example,) for example in examples for _ in range(width)]
        self.calls = 0

    def step(self, tokens: Tensor | None) -> Tensor:
        self.calls += 1
        if tokens is not None:
            self.rows = [(*row, int(token)) for row, token in zip(self.rows, tokens, strict=True)]
        return torch.stack([log_p(row) for row in self.rows])

    def reorder(self, indices: Tensor) -> None:
        self.rows = [self.rows[n] for n in indices.tolist()]


def log_p(row: tuple[int, ...]) -> Tensor:
    seed = sum((it + 1) * 7**n for n, it in enumerate(row))
    return (2 * torch.randn(SIZE, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)


def score(example: int, tokens: list[int]) -> float:
    return sum(log_p((example, *tokens[:n]))[token].item() for n, token in enumerate(tokens))


def all_texts(example: int) -> list[tuple[float, list[int]]]:
    """Every text that ends within the limit, with its log p."""
    texts = [list(it) for n in range(LIMIT) for it in itertools.product(range(1, SIZE), repeat=n)]
    return [(score(example, [*it, END]), it) for it in texts]


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("example", range(5))
def test_a_beam_that_drops_nothing_finds_the_best_of_all_texts(example: int, alpha: float) -> None:
    width = SIZE**LIMIT
    (found,) = beam_search(Chain([example], width), examples=1, width=width, end=END, limit=LIMIT, length_penalty=alpha)
    every = sorted(all_texts(example), key=lambda it: it[0] / ((5 + len(it[1]) + 1) / 6) ** alpha, reverse=True)
    ended = [it for it in found if it.ended]
    assert [it.tokens for it in ended] == [tokens for _, tokens in every]
    assert [it.score for it in ended] == pytest.approx([value for value, _ in every])


@pytest.mark.parametrize("example", range(20))
def test_a_beam_of_one_is_greedy(example: int) -> None:
    ((beam,),) = beam_search(Chain([example]), examples=1, width=1, end=END, limit=LIMIT)
    (best,) = write(Chain([example]), end=END, limit=LIMIT, choose=greedy)
    assert (beam.tokens, beam.ended) == (best.tokens, best.ended)
    assert beam.score == pytest.approx(best.score)


@pytest.mark.parametrize("width", [2, 3, 5])
def test_scores_add_up_and_mates_change_nothing(width: int) -> None:
    examples = list(range(12))
    how = {"width": width, "end": END, "limit": LIMIT, "length_penalty": 1.0}
    together = beam_search(Chain(examples, width), examples=12, **how)
    for example, found in zip(examples, together, strict=True):
        alone = beam_search(Chain([example], width), examples=1, **how)[0]
        assert found == alone
        assert 1 <= len(found) <= width
        for it in found:
            assert it.score == pytest.approx(score(example, [*it.tokens, END] if it.ended else it.tokens))
            assert END not in it.tokens
        assert len({tuple(it.tokens) for it in found}) == len(found)
        assert found == sorted(found, key=lambda it: it.rank(1.0), reverse=True)


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_who_observes_a_beam_changes_nothing_and_can_tell_the_texts_again(width: int, count: int) -> None:
    examples = list(range(count))
    how = {"examples": count, "width": width, "end": END, "limit": LIMIT, "length_penalty": 1.0}
    steps: list[Considered] = []
    found = beam_search(Chain(examples, width), observe=steps.append, **how)
    assert found == beam_search(Chain(examples, width), **how)
    for example, texts in enumerate(found):
        going: list[list[int]] = [[] for _ in range(width)]
        told: list[Hypothesis] = []
        for step in steps:
            finite = step.scores[example].isfinite()
            assert int(finite.sum()) <= 2 * width
            assert step.scores[example][finite].tolist() == sorted(step.scores[example][finite].tolist(), reverse=True)
            every = [
                [*going[parent], token] if at > -math.inf else []
                for parent, token, at in zip(*(it[example].tolist() for it in step[:3]), strict=True)
            ]
            for text, at in zip(every, step.scores[example].tolist(), strict=True):
                if text:
                    assert at == pytest.approx(score(example, text))
            mine = [place for one, place in step.finished if one == example]
            told += [Hypothesis(every[place][:-1], step.scores[example, place].item(), True) for place in mine]
            kept = step.kept[example].tolist()
            assert not set(mine) & set(kept)
            assert all(every[place][-1] != END for place in kept if place >= 0)
            going = [every[place] if place >= 0 else [] for place in kept]
        cut = [text for text in going if text] if len(told) < width else []
        ended = [it for it in texts if it.ended]
        assert ended == sorted(told, key=lambda it: it.rank(1.0), reverse=True)
        assert [it.tokens for it in texts if not it.ended] == cut[: width - len(ended)]
        assert len(told) == width or bool(cut)
    ended_all = all(len(texts) == width and all(it.ended for it in texts) for texts in found)
    assert [step.kept.shape[1] for step in steps[:-1]] == [width] * (len(steps) - 1)
    assert steps[-1].kept.shape[1] == (0 if ended_all else width)


def test_a_wider_beam_finds_what_greedy_misses() -> None:
    """Token 1 looks best, but whatever follows it is unlikely; 2 leads to a sure end."""

    class Trap(Chain):
        def step(self, tokens: Tensor | None) -> Tensor:
            super().step(tokens)
            after = {(): [0.0, 0.6, 0.4, 0.0], (1,): [0.2, 0.3, 0.3, 0.2], (2,): [1.0, 0.0, 0.0, 0.0]}
            return torch.tensor([after.get(row[1:], [0.25] * 4) for row in self.rows]).log()

    (best,) = write(Trap([0]), end=END, limit=LIMIT, choose=greedy)
    assert best.tokens[0] == 1
    (found,) = beam_search(Trap([0], 2), examples=1, width=2, end=END, limit=LIMIT)
    assert found[0].tokens == [2]
    assert found[0].score == pytest.approx(math.log(0.4))


def test_the_length_penalty_is_that_of_wu_et_al() -> None:
    assert penalty(1, 0.7) == 1
    assert penalty(7, 1.0) == 2
    assert penalty(19, 0.5) == 2


def test_unfinished_hypotheses_are_marked_and_come_last() -> None:
    class Endless(Chain):
        def step(self, tokens: Tensor | None) -> Tensor:
            log = super().step(tokens)
            log[:, END] = -torch.inf
            return log

    (text,) = write(Endless([3]), end=END, limit=LIMIT, choose=greedy)
    assert (len(text.tokens), text.ended) == (LIMIT, False)
    (found,) = beam_search(Endless([3], 3), examples=1, width=3, end=END, limit=LIMIT)
    assert [(len(it.tokens), it.ended) for it in found] == [(LIMIT, False)] * 3


def test_a_row_that_has_ended_stays_so_and_writing_stops_with_the_last() -> None:
    chain = Chain(list(range(30)))
    steps = list(stream(chain, end=END, limit=20, choose=greedy))
    for row in torch.stack([tokens for tokens, _ in steps], 1).tolist():
        if END in row:
            assert set(row[row.index(END) :]) == {END}
    assert chain.calls == len(steps)
    last, _ = steps[-1]
    assert len(steps) == 20 or bool((last == END).all())


def test_draws_follow_the_model_and_no_mate() -> None:
    def texts(rows: int) -> list[list[int]]:
        generators = [torch.Generator().manual_seed(n) for n in range(rows)]
        found = write(Chain([1] * rows), end=END, limit=LIMIT, choose=drawn(Sampling(), generators))
        return [it.tokens for it in found]

    many = texts(2000)
    assert texts(3) == many[:3]
    share = sum(it[:1] == [] for it in many) / 2000
    assert share == pytest.approx(log_p((1,))[END].exp().item(), abs=0.03)
    coldest = write(
        Chain([1]), end=END, limit=LIMIT, choose=drawn(Sampling(temperature=0), [torch.Generator().manual_seed(0)])
    )
    assert coldest == write(Chain([1]), end=END, limit=LIMIT, choose=greedy)


def test_a_beam_of_width_0_raises() -> None:
    with pytest.raises(ArgumentError, match="width is 0"):
        beam_search(Chain([]), examples=0, width=0, end=END, limit=LIMIT)
