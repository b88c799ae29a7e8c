"""Truncated BPTT against gradients written out by hand: run from the stream's beginning, detach where it says."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from tidegate.text import Streams
from tidegate.text.feeding import NO_PREDICTION, Feeding
from tidegate.text.model import LanguageModel, LanguageModelConfig
from tidegate.text.truncated_bptt import window_loss

V, B, N = 5, 3, 3 * 23 + 1
CASES = [(4, 4), (7, 7), (4, 10), (3, 100), (5, 6), (10, 4), (9, 3), (7, 1), (50, 50), (50, 4)]


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.random.default_rng(0).integers(0, V, N).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(V, hidden_size=6, num_layers=2)).double()


def epoch(model, text, k1, k2, feeding: Feeding = "teacher", probability=0.0):
    """Loss, gradient and carried state of each window of an epoch, no step being taken."""
    state, own = model.zero_state(B), torch.full((B,), NO_PREDICTION)
    for window in Streams(text, B, k1=k1, k2=k2):
        nats, state, own, penalty = window_loss(
            model, window, state, own, k2=k2, feeding=feeding, sampling_probability=probability
        )
        assert penalty is None
        yield window, nats, torch.autograd.grad(nats, list(model.parameters())), state


def whole_run(model, text):
    """Nats at every position (B, P) from one unbroken run."""
    ids = torch.from_numpy(text[:-1].astype(np.int64)).view(B, -1)
    targets = torch.from_numpy(text[1:].astype(np.int64)).view(B, -1)
    logits, _ = model(ids)
    return ids, targets, functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


@pytest.mark.parametrize(("k1", "k2"), CASES)
def test_losses_are_those_of_one_unbroken_run(model, text, k1, k2):
    _, _, nats = whole_run(model, text)
    done = 0
    for window, loss, _, _ in epoch(model, text, k1, k2):
        torch.testing.assert_close(loss, nats[:, done : done + window.new].mean())
        done += window.new
    assert done == 23


@pytest.mark.parametrize(("k1", "k2"), CASES)
def test_gradients_are_cut_where_k2_says_and_nowhere_else(model, text, k1, k2):
    ids, targets, _ = whole_run(model, text)
    done = 0
    for window, _, gradient, _ in epoch(model, text, k1, k2):
        end = done + window.new
        if k2 >= k1:
            cuts = [max(0, (done // k1 + 1) * k1 - k2)]
        else:
            cuts = list(range(done, end, k2))
        state, losses = model.zero_state(B), []
        for t in range(end):
            if t in cuts:
                state = tuple(it.detach() for it in state)
            logits, state = model(ids[:, t : t + 1], state)
            if t >= done:
                losses.append(functional.cross_entropy(logits[:, 0], targets[:, t], reduction="none"))
            if t < min(cuts):
                state = tuple(it.detach() for it in state)
        loss = torch.stack(losses).mean()
        torch.testing.assert_close(gradient, torch.autograd.grad(loss, list(model.parameters())))
        done = end


def test_k2_as_long_as_the_stream_is_full_backpropagation(model, text):
    _, _, nats = whole_run(model, text)
    full = torch.autograd.grad(nats.mean(), list(model.parameters()))
    parts = list(epoch(model, text, 4, 1000))
    summed = [sum(g[i] * w.new for w, _, g, _ in parts) / 23 for i in range(len(full))]
    torch.testing.assert_close(summed, list(full))


@pytest.mark.parametrize(("k1", "k2"), CASES)
def test_carried_state_is_detached_and_that_of_the_next_windows_beginning(model, text, k1, k2):
    ids, _, _ = whole_run(model, text)
    starts = [*[window.start for window in Streams(text, B, k1=k1, k2=k2)][1:], 23]
    for (_, _, _, state), start in zip(epoch(model, text, k1, k2), starts, strict=True):
        assert not any(it.requires_grad for it in state)
        expected = model(ids[:, :start])[1] if start else model.zero_state(B)
        torch.testing.assert_close(state, tuple(it.detach() for it in expected))


@pytest.mark.parametrize(("k1", "k2"), CASES)
def test_greedy_windows_are_the_unbroken_free_run(model, text, k1, k2):
    ids, targets, _ = whole_run(model, text)
    state, fed, nats = model.zero_state(B), ids[:, :1], []
    for t in range(23):
        logits, state = model(fed, state)
        nats.append(functional.cross_entropy(logits[:, 0], targets[:, t], reduction="none"))
        fed = logits.argmax(-1)
    done = 0
    for window, loss, _, _ in epoch(model, text, k1, k2, feeding="greedy", probability=1.0):
        torch.testing.assert_close(loss, torch.stack(nats[done : done + window.new]).mean())
        done += window.new
