"""Dropout in time, of words and of weights, and penalties on activations, each against a transcription of its paper."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.errors import ArgumentError
from tidegate.nn.stack import dropout
from tidegate.text.dropouts import RegularizedLayers, activation_penalty, drop_words
from tidegate.text.feeding import NO_PREDICTION, feed
from tidegate.text.model import LanguageModel, LanguageModelConfig

V, B, T, H = 11, 3, 6, 8


def model_of(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    settings: dict[str, Any] = {"hidden_size": H, "embedding_size": 5}
    return LanguageModel(LanguageModelConfig(V, **(settings | options)))


def some_ids() -> torch.Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))


def test_locked_dropout_has_one_mask_for_all_steps():
    x = torch.rand(T, 50, 40) + 1
    torch.manual_seed(0)
    kept = dropout(x, 0.3, locked=True) / x
    torch.testing.assert_close(kept, kept[:1].expand_as(kept))
    values, counts = kept[0].round(decimals=4).unique(return_counts=True)
    assert values.tolist() == pytest.approx([0, 1 / 0.7], abs=1e-4)
    assert abs(counts[0].item() / kept[0].numel() - 0.3) < 4 * (0.21 / kept[0].numel()) ** 0.5
    free = dropout(x, 0.3, locked=False) / x
    assert not torch.allclose(free, free[:1].expand_as(free))


def test_embedding_dropout_drops_the_same_words_everywhere():
    # Merity et al. 2018: a mask over the rows of the embedding matrix, scaled; then the look-up.
    torch.manual_seed(0)
    table, ids = torch.randn(1000, 5), torch.randint(1000, (40, 30))
    torch.manual_seed(1)
    mask = nn.functional.dropout(torch.ones(1000, 1), 0.25)
    torch.manual_seed(1)
    torch.testing.assert_close(drop_words(table[ids], ids, 1000, 0.25), (mask * table)[ids])
    assert abs((mask == 0).float().mean().item() - 0.25) < 4 * (0.1875 / 1000) ** 0.5


def test_weight_dropout_is_the_run_on_masked_recurrent_weights():
    torch.manual_seed(0)
    layers = RegularizedLayers("lstm", 5, H, 2, weight_dropout=0.5)
    x = torch.randn(T, B, 5)
    plain = RegularizedLayers("lstm", 5, H, 2)
    plain.load_state_dict(layers.state_dict())
    torch.manual_seed(3)
    found = layers(x)[0]
    torch.manual_seed(3)
    with torch.no_grad():
        for name in ("weight_hh_l0", "weight_hh_l1"):
            weight = dict(plain.named_parameters())[name]
            weight.copy_(nn.functional.dropout(weight, 0.5))
    torch.testing.assert_close(found, plain(x)[0])
    assert not torch.equal(found, layers(x)[0]), "each run has its own mask"
    layers.eval()
    torch.testing.assert_close(layers(x), layers(x), rtol=0, atol=0)
    assert layers.train()(x)[0].sum().backward() is None
    gradient = dict(layers.named_parameters())["weight_hh_l0"].grad
    assert gradient is not None
    assert 0.35 < gradient.eq(0).float().mean() < 0.65, "weights that were dropped have no gradient"


def test_penalties_are_the_papers():
    draws = np.random.default_rng(0)
    raw, dropped = draws.normal(size=(T, B, H)), draws.normal(size=(T, B, H))
    expected = 2.0 * (dropped**2).mean() + 1.5 * ((raw[1:] - raw[:-1]) ** 2).mean()
    found = activation_penalty(torch.from_numpy(raw), torch.from_numpy(dropped), 2.0, 1.5)
    assert found.item() == pytest.approx(expected, rel=1e-12)
    one = activation_penalty(torch.from_numpy(raw[:1]), torch.from_numpy(dropped[:1]), 2.0, 1.5)
    assert one.item() == pytest.approx(2.0 * (dropped[:1] ** 2).mean(), rel=1e-12)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_run_has_the_penalty_of_its_outputs(probability):
    model = model_of(activation_regularization=2.0, temporal_regularization=1.0, dropout=0.0)
    fed = feed(
        model,
        some_ids(),
        model.zero_state(B),
        torch.full((B,), NO_PREDICTION),
        feeding="greedy",
        sampling_probability=probability,
    )
    h = fed.features
    assert fed.penalty is not None
    torch.testing.assert_close(fed.penalty, 2 * h.square().mean() + (h[1:] - h[:-1]).square().mean())


@pytest.mark.parametrize(
    "options",
    [
        {"locked_dropout": True, "dropout": 0.4, "num_layers": 2},
        {"embedding_dropout": 0.4},
        {"weight_dropout": 0.4},
        {"recurrent_dropout": 0.4},
        {"input_dropout": 0.4},
        {"output_dropout": 0.4},
    ],
)
def test_each_acts_in_training_only_and_changes_no_parameter(options):
    model, plain = model_of(**options), model_of()
    if "num_layers" not in options:
        torch.testing.assert_close(model.state_dict(), plain.state_dict(), rtol=0, atol=0)
    first, second = model(some_ids())[0], model(some_ids())[0]
    assert not torch.allclose(first, second)
    model.eval()
    torch.testing.assert_close(model(some_ids()), model(some_ids()), rtol=0, atol=0)
    if "num_layers" not in options:
        torch.testing.assert_close(model(some_ids()), plain.eval()(some_ids()))


def test_places_of_dropout_have_their_own_rates():
    model = model_of(dropout=0.9, input_dropout=0.0, output_dropout=0.0)
    torch.testing.assert_close(model(some_ids()), model(some_ids()), rtol=0, atol=0)


def test_initial_values_are_uniform_where_they_are_said_to_be():
    everywhere = model_of(init="uniform", init_range=0.05)
    for parameter in everywhere.parameters():
        assert 0.03 < parameter.abs().max() <= 0.05
    ends = model_of(init_range=0.01, tie_weights=True, embedding_size=H)
    assert ends.output.weight.abs().max() <= 0.01
    parameters = dict(ends.named_parameters())
    assert not parameters["output.bias"].any()
    assert parameters["recurrent.weight_hh_l0"].abs().max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": "uniform"}, "needs init_range"),
        ({"init": "uniform", "init_range": 0.1, "forget_bias": 1.0}, "no forget_bias"),
        ({"embedding_size": None, "embedding_dropout": 0.1}, "there is no embedding"),
        ({"adaptive_softmax": "five"}, "1 to 8 whole numbers"),
        ({"adaptive_softmax": "5,3"}, "increasing numbers above 0 and below the vocabulary size of 11"),
        ({"adaptive_softmax": "11"}, "below the vocabulary size of 11"),
        ({"adaptive_softmax": "2,3"}, "at least 16 are needed"),
        ({"adaptive_softmax": "4", "tie_weights": True, "embedding_size": H}, "exclude each other"),
        ({"weight_dropout": 1.0}, "weight_dropout is 1.0"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        model_of(**options)


def test_a_model_with_adaptive_softmax_reads_on_as_any_other():
    model = model_of(adaptive_softmax="4").eval()
    logits, state = model(some_ids())
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(B, T))
    read = model.reader(state)
    torch.testing.assert_close(read(some_ids()[:, 0]), model(some_ids()[:, :1], state)[0][:, 0])
