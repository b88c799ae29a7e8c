"""The decoder against its equations, and what it writes against what it is taught with."""

import pytest
import torch
from torch import nn

from tidegate.nn import Recurrent
from tidegate.tasks.seq2seq.decoder import LuongAttention, Memory, State, TokenDecoder
from tidegate.tasks.seq2seq.search import beam_search, greedy, write

B, S, T, E, H, D, V, END = 4, 5, 6, 3, 7, 8, 9, 1
LENGTHS = torch.tensor([5, 1, 3, 2])


def decoder(cell: str = "lstm", layers: int = 1, *, attention: str = "general", **more: bool) -> TokenDecoder:
    recurrent = Recurrent(cell, E, H, layers, batch_first=True)
    made = TokenDecoder(recurrent, V, end=END, never=0, memory=D, attention=attention, **more).eval()  # type: ignore[arg-type]
    for it in made.output.parameters():  # so that texts end at different lengths
        nn.init.normal_(it, std=2)
    return made


def beginning(cell: str = "lstm", layers: int = 1) -> tuple[torch.Tensor, State, Memory]:
    h, c = torch.randn(2, layers, B, H)
    memory = Memory(torch.randn(B, S, D), LENGTHS)
    return torch.randn(B, E), (h, c) if cell == "lstm" else h, memory


@pytest.mark.parametrize("kind", ["general", "dot"])
def test_attention_is_that_of_luong_et_al(kind: str) -> None:
    torch.manual_seed(0)
    width = D if kind == "dot" else H
    attention = LuongAttention(width, D, kind)  # type: ignore[arg-type]
    steps, memory = torch.randn(B, T, width), Memory(torch.randn(B, S, D), LENGTHS)
    found, weights = attention(steps, memory)
    for b in range(B):
        own = memory.values[b, : LENGTHS[b]]
        for t in range(T):
            query = steps[b, t] if kind == "dot" else attention.get_parameter("query.weight") @ steps[b, t]
            share = torch.stack([query @ it for it in own]).softmax(0)
            context = (share[:, None] * own).sum(0)
            expected = torch.tanh(attention.mix.weight @ torch.cat([context, steps[b, t]]))
            torch.testing.assert_close(found[b, t], expected)
            torch.testing.assert_close(weights[b, t, : len(own)], share)
            assert not weights[b, t, len(own) :].any()


@pytest.mark.parametrize(("cell", "layers"), [("lstm", 2), ("gru", 1), ("rnn_tanh", 1)])
@pytest.mark.parametrize("attention", ["general", "none"])
@pytest.mark.parametrize("feeds", [True, False])
def test_the_score_of_what_is_written_is_what_the_teacher_gives_it(
    cell: str, layers: int, attention: str, feeds: bool
) -> None:
    torch.manual_seed(1)
    model, begin = decoder(cell, layers, attention=attention, feeds=feeds), beginning(cell, layers)
    with torch.inference_mode():
        beams = beam_search(model.writing(*begin, width=3), examples=B, width=3, end=END, limit=T, length_penalty=1.0)
        best = write(model.writing(*begin), end=END, limit=T, choose=greedy)
        for b, found in enumerate([*beams, *[[it] for it in best]]):
            first, state, memory = begin
            for it in found:
                assert 0 not in it.tokens
                text = torch.tensor([[*it.tokens, *([END] if it.ended else [])]])
                one = slice(b % B, b % B + 1)
                own = tuple(s[:, one] for s in state) if isinstance(state, tuple) else state[:, one]
                alone = Memory(memory.values[one, : LENGTHS[one]], LENGTHS[one])  # without padding, without mates
                nats = model.losses(first[one], text, torch.tensor([text.shape[1]]), own, alone)
                assert it.score == pytest.approx(-nats.sum().item(), abs=1e-4)


def test_a_beam_of_one_is_greedy() -> None:
    torch.manual_seed(2)
    model, begin = decoder(), beginning()
    with torch.inference_mode():
        beams = beam_search(model.writing(*begin), examples=B, width=1, end=END, limit=T)
        best = write(model.writing(*begin), end=END, limit=T, choose=greedy)
    assert [it[0].tokens for it in beams] == [it.tokens for it in best]
    assert len({len(it.tokens) for it in best}) > 1


@pytest.mark.parametrize("feeding", ["greedy", "sampled"])
def test_with_no_share_of_its_own_every_feeding_is_the_teachers(feeding: str) -> None:
    torch.manual_seed(3)
    model, (first, state, memory) = decoder(), beginning()
    tokens, lengths = torch.randint(2, V, (B, T)), torch.tensor([6, 2, 4, 1])
    fused = model.losses(first, tokens, lengths, state, memory)
    steps = model._fed(first, tokens, state, memory, feeding, 0.0)  # type: ignore[arg-type]
    valid = torch.arange(T) < lengths[:, None]
    assert not fused[~valid].any()
    log = model.output(steps).log_softmax(-1)
    torch.testing.assert_close(fused[valid], -log.gather(2, tokens[..., None])[..., 0][valid])


def test_sampling_probability_1_feeds_the_greedy_text() -> None:
    torch.manual_seed(4)
    model, (first, state, memory) = decoder(), beginning()
    model.never = None
    with torch.inference_mode():
        best = write(model.writing(first, state, memory), end=-1, limit=T, choose=greedy)  # type: ignore[arg-type]
    own = torch.tensor([it.tokens for it in best])
    other = (own + 1) % V  # what the teacher would have said at each step does not matter
    every = torch.full((B,), T)
    fed = model.losses(first, other, every, state, memory, feeding="greedy", sampling_probability=1.0)  # type: ignore[arg-type]
    steps, _ = model.features(model.inputs(first, own), state, memory)  # type: ignore[arg-type]
    expected = -model.output(steps).log_softmax(-1).gather(2, other[..., None])[..., 0]
    torch.testing.assert_close(fed, expected)
    taught = model.losses(first, other, every, state, memory)  # type: ignore[arg-type]
    assert (fed - taught).abs().max() > 1e-3


def test_gradients_reach_everything_while_it_is_fed_its_own() -> None:
    torch.manual_seed(5)
    model, (first, state, memory) = decoder(), beginning()
    tokens = torch.randint(2, V, (B, T))
    model.losses(
        first, tokens, torch.full((B,), T), state, memory, feeding="sampled", sampling_probability=0.5
    ).sum().backward()  # type: ignore[arg-type]
    assert all(it.grad is not None and it.grad.isfinite().all() for it in model.parameters())
