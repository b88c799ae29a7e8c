"""Nats per unit on held-out text."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tidegate.errors import CorpusTooSmallError
from tidegate.text.evaluation import evaluate
from tidegate.text.model import LanguageModel, LanguageModelConfig

TEXT = np.random.default_rng(0).integers(0, 7, 9001).astype(np.uint8)


@pytest.fixture
def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(7, hidden_size=5, embedding_size=3, dropout=0.5))


def by_hand(model, ids, streams):
    positions = (len(ids) - 1) // streams
    text = torch.from_numpy(ids.astype(np.int64))
    inputs = text[: streams * positions].view(streams, positions)
    targets = text[1 : streams * positions + 1].view(streams, positions)
    with torch.no_grad():
        logits, _ = model.eval()(inputs)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item(), targets.numel()


def test_a_model_that_knows_nothing_has_log_v(model):
    torch.nn.init.zeros_(model.output.weight)
    torch.nn.init.zeros_(model.output.bias)
    assert evaluate(model, TEXT).loss == pytest.approx(math.log(7), rel=1e-6)


def test_a_short_text_is_one_unbroken_stream(model):
    found = evaluate(model, TEXT[:1999])
    nats, predictions = by_hand(model, TEXT[:1999], 1)
    assert found.predictions == predictions == 1998
    assert found.loss == pytest.approx(nats, rel=1e-5)


def test_a_long_text_is_read_in_streams_of_at_least_2000(model):
    nats, predictions = by_hand(model, TEXT, 4)
    found = evaluate(model, TEXT, batch_size=100)
    assert (found.predictions, found.loss) == (predictions, pytest.approx(nats, rel=1e-5))
    nats, predictions = by_hand(model, TEXT, 2)
    found = evaluate(model, TEXT, batch_size=2)
    assert (found.predictions, found.loss) == (predictions, pytest.approx(nats, rel=1e-5))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [9001, 8003, 4000])
def test_streams_that_are_warmed_up_give_the_figure_of_one_stream(model, batch_size, length):
    nats, predictions = by_hand(model, TEXT[:length], 1)
    found = evaluate(model, TEXT[:length], batch_size=batch_size, warm_up=150)
    assert (found.predictions, found.loss) == (predictions, pytest.approx(nats, rel=1e-6))
    assert predictions == length - 1


def test_a_warm_up_longer_than_all_that_comes_before_begins_where_the_text_does(model):
    nats, _ = by_hand(model, TEXT[:4500], 1)
    assert evaluate(model, TEXT[:4500], batch_size=2, warm_up=4000).loss == pytest.approx(nats, rel=1e-6)


def test_limit_reads_the_beginning_only(model):
    assert evaluate(model, TEXT, limit=500) == evaluate(model, TEXT[:500])


@pytest.mark.parametrize("training", [True, False])
def test_mode_is_restored_and_dropout_is_off(model, training):
    model.train(training)
    assert evaluate(model, TEXT[:300]) == evaluate(model, TEXT[:300])
    assert model.training is training


def test_one_unit_is_too_few(model):
    for warm_up in (0, 5):
        with pytest.raises(CorpusTooSmallError):
            evaluate(model, TEXT[:1], warm_up=warm_up)
